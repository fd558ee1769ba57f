// Zones that come ready, by the thousand, and those that have no data yet.
#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <thread>

#include "lib/control/transfers/served_zones.h"
#include "lib/control/zones/zone_store.h"
#include "lib/zone/compiler_process.h"
#include "lib/zone/name_text.h"
#include "tests/unit/dns_test_support.h"

namespace gl::control {
namespace {

using std::chrono::steady_clock;
using test::TempFile;

zone::ZoneSource member(unsigned i) {
  const std::string name = "z" + std::to_string(i) + ".members.example.";
  return {"/state/" + name + "zone", name, zone::ZoneDigests::check, true};
}

class ManyZones : public testing::Test {
 protected:
  void update(std::vector<ZoneUpdate> updates) {
    ASSERT_TRUE(store_.begin_update(updates));
    while (!store_.finish_reload(now_)) std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  [[nodiscard]] std::size_t count() const { return store_.current()->zones().size(); }
  static ZoneUpdate placed(unsigned i) {
    auto none = zone::make_unavailable(member(i));
    EXPECT_TRUE(none) << none.error();
    return {member(i), std::move(*none)};
  }

  const TempFile file_{"$ORIGIN example.\n@ 300 SOA ns h 1 2 3 4 300\n@ 300 NS ns\nns 300 A 192.0.2.1\n"};
  std::uint64_t now_ = 1000;
  std::atomic<const zone::PublishedZones*> published_{nullptr};
  ZoneStore store_{{{file_.path(), ""}}, 120, published_, [] {}};
};

TEST_F(ManyZones, ComeAndGoInTheTimeOfTheirNumber) {
  constexpr unsigned kZones = 20'000;
  ASSERT_TRUE(store_.load(now_));
  const auto begin = steady_clock::now();
  std::vector<ZoneUpdate> updates;
  {
    const zone::CompilingGivenUp nothing_is_started;
    for (unsigned i = 0; i < kZones; ++i) updates.push_back(placed(i));
  }
  update(std::move(updates));
  EXPECT_EQ(count(), kZones + 1);
  // One stays as it is, one comes again, the others go.
  updates.clear();
  for (unsigned i = 1; i < kZones; ++i) updates.push_back({member(i), nullptr});
  updates.push_back(placed(7));
  update(std::move(updates));
  EXPECT_EQ(count(), 3U);
  // With a search for each it takes minutes.
  EXPECT_LT(steady_clock::now() - begin, std::chrono::seconds(20));
}

TEST_F(ManyZones, WithoutDataAreServfailUnderAZoneThatIsServed) {
  ASSERT_TRUE(store_.load(now_));
  std::vector<ZoneUpdate> updates;
  updates.push_back(placed(1));
  auto root = zone::make_unavailable({"/state/@.zone", ".", zone::ZoneDigests::check, true});
  ASSERT_TRUE(root) << root.error();
  EXPECT_EQ((*root)->origin, ".");
  updates.push_back({{"/state/@.zone", ".", zone::ZoneDigests::check, true}, std::move(*root)});
  update(std::move(updates));
  services::DnsZoneService service({}, published_);
  service.begin_burst(0);
  const auto rcode = [&](const std::string& name) {
    std::array<std::uint8_t, 512> out{};
    const Answer answer = service.answer_datagram(test::query(name, 1), out, {});
    EXPECT_EQ(answer.kind, Answer::Kind::answered);
    return out[3] & 15U;
  };
  for (const char* const name : {"z1.members.example.", "a.b.z1.members.example.", "elsewhere.", "."}) {
    EXPECT_EQ(rcode(name), 2U) << name;
  }
  EXPECT_EQ(rcode("ns.example."), 0U);
  EXPECT_EQ(rcode("z2.members.example."), 3U);
  EXPECT_EQ(served_zones(*store_.current()).size(), 1U);
}

TEST_F(ManyZones, WhatWasTransferredIsToldByWhereItCameFrom) {
  ASSERT_TRUE(store_.load(now_));
  const auto before = served_zones(*store_.current());
  ASSERT_EQ(before.size(), 1U);
  EXPECT_FALSE(before.begin()->second.transferred);
  const TempFile kept("$ORIGIN kept.\n@ 300 SOA ns.example. h 5 2 3 4 300\n@ 300 NS ns.example.\n");
  const zone::ZoneSource source{kept.path(), "kept.", zone::ZoneDigests::check, true};
  std::vector<std::string> warnings;
  auto loaded = zone::load_zone(source, warnings);
  ASSERT_TRUE(loaded) << loaded.error();
  std::vector<ZoneUpdate> updates;
  updates.push_back({source, std::move(*loaded)});
  update(std::move(updates));
  const auto served = served_zones(*store_.current());
  ASSERT_EQ(served.size(), 2U);
  EXPECT_TRUE(served.at(std::string("\4kept\0", 6)).transferred);
}

TEST(UnavailableZone, OfANameThatIsNone) {
  const auto none = zone::make_unavailable({"/state/x", "a..b.", zone::ZoneDigests::check, true});
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().find("/state/x: "), 0U);
  const auto odd = zone::make_unavailable({"/state/x", "A\\000b\\.c.example.", zone::ZoneDigests::check, true});
  ASSERT_TRUE(odd) << odd.error();
  EXPECT_EQ((*odd)->origin, "a\\000b\\.c.example.");
  EXPECT_TRUE((*odd)->unavailable && (*odd)->transferred);
}

}  // namespace
}  // namespace gl::control
