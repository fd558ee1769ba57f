// Zone swaps: what is published when, and that a zone that does not load changes nothing.
#include <gtest/gtest.h>

#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <map>
#include <thread>

#include "lib/control/zones/zone_store.h"

namespace gl::control {
namespace {

class ZoneSwap : public testing::Test {
 protected:
  void TearDown() override { std::remove(path_.c_str()); }
  void write(unsigned serial, const std::string& more = "") {
    std::ofstream(path_) << "$ORIGIN example.\n@ 300 IN SOA ns h " << serial
                         << " 2 3 4 300\n@ 300 IN NS ns\nns 300 IN A 192.0.2.1\n"
                         << more;
  }
  const std::string path_ = testing::TempDir() + "goldilocks_swap.zone";
  std::atomic<const zone::PublishedZones*> published_{nullptr};
  int quiesced_ = 0;
  // At each quiescent wait the new set is what workers see.
  ZoneStore store_{{{path_, "example."}}, 120, published_, [this] { ++quiesced_; }};
};

TEST_F(ZoneSwap, PreviousLingersAndGoes) {
  write(1);
  const auto first = store_.load(1000);
  ASSERT_TRUE(first) << first.error();
  ASSERT_NE(published_.load(), nullptr);
  const auto* const old = published_.load()->current;
  EXPECT_EQ(published_.load()->kept[0], nullptr);
  EXPECT_EQ(store_.list().at(0).serial, 1u);

  write(2);
  ASSERT_TRUE(store_.load(1010));
  EXPECT_EQ(published_.load()->kept[0], old);
  EXPECT_EQ(published_.load()->settled, 1u);
  EXPECT_EQ(store_.list().at(0).serial, 2u);
  store_.tick(1129);
  EXPECT_EQ(published_.load()->kept[0], old);
  store_.tick(1130);
  EXPECT_EQ(published_.load()->kept[0], nullptr);
  EXPECT_EQ(quiesced_, 3);
}

TEST_F(ZoneSwap, WhatIsSettledIsWhatWasServedALingerAgo) {
  for (unsigned serial = 1; serial <= 6; ++serial) {
    write(serial);
    ASSERT_TRUE(store_.load(1000 + serial));
  }
  EXPECT_EQ(published_.load()->settled, 1u);
  EXPECT_NE(published_.load()->kept[0], nullptr);
  EXPECT_EQ(store_.loads(), 6u);
  store_.tick(1121);
  EXPECT_EQ(published_.load()->settled, 1u);
  store_.tick(1123);
  EXPECT_EQ(published_.load()->settled, 3u);
  store_.tick(1126);
  EXPECT_EQ(published_.load()->settled, 6u);
  EXPECT_EQ(published_.load()->kept[0], nullptr);
  const int before = quiesced_;
  store_.tick(2000);
  EXPECT_EQ(quiesced_, before);
}

TEST_F(ZoneSwap, WhatDoesNotLoadLeavesTheOldOneServing) {
  write(1);
  ASSERT_TRUE(store_.load(1000));
  const auto* const before = published_.load();
  write(2, "www 300 IN A not-an-address\n");
  const auto failed = store_.load(1001);
  ASSERT_FALSE(failed);
  EXPECT_NE(failed.error().find(path_ + ":5"), std::string::npos) << failed.error();
  EXPECT_EQ(published_.load(), before);
  EXPECT_EQ(store_.list().at(0).serial, 1u);
}

// Zones are read again each by itself, and only those whose files have changed.
class OneByOne : public testing::Test {
 protected:
  using End = zone::ReloadedZone::End;
  void SetUp() override {
    char name[] = "/tmp/goldilocks-reload-XXXXXX";
    ASSERT_NE(mkdtemp(name), nullptr);
    folder_ = name;
    std::vector<zone::ZoneSource> sources;
    for (const char* const zone : {"a", "b", "c"}) {
      write(zone, 1);
      sources.push_back({folder_ + "/" + zone, std::string(zone) + "."});
    }
    store_ = std::make_unique<ZoneStore>(sources, 120, published_, [] {});
    const auto loaded = store_->load(1000);
    ASSERT_TRUE(loaded) << loaded.error();
  }
  void TearDown() override {
    store_.reset();
    std::filesystem::remove_all(folder_);
  }
  void write(const std::string& name, unsigned serial, const std::string& more = "") {
    std::ofstream(folder_ + "/" + name) << "$TTL 300\n@ SOA ns h " << serial << " 2 3 4 300\n@ NS ns\nns A 192.0.2.1\n"
                                        << more;
  }
  std::vector<zone::ReloadedZone> reload() {
    EXPECT_TRUE(store_->begin_reload());
    EXPECT_FALSE(store_->begin_reload()) << "one at a time";
    while (true) {
      auto done = store_->finish_reload(1010);
      if (done) return *done;
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
  }
  std::vector<End> ends() {
    std::vector<End> all;
    for (const auto& zone : reload()) all.push_back(zone.end);
    return all;
  }
  std::string folder_;
  std::atomic<const zone::PublishedZones*> published_{nullptr};
  std::unique_ptr<ZoneStore> store_;
};

TEST_F(OneByOne, OnlyWhatHasChangedIsRead) {
  const auto* const before = published_.load();
  EXPECT_EQ(ends(), (std::vector{End::unread, End::unread, End::unread}));
  EXPECT_EQ(published_.load(), before);
  write("b", 2);
  const auto told = reload();
  EXPECT_EQ(told[1].end, End::changed);
  EXPECT_EQ(told[1].origin, "b.");
  EXPECT_EQ(told[1].before, 1u);
  EXPECT_EQ(told[1].serial, 2u);
  EXPECT_EQ(told[1].records, 3u);
  EXPECT_EQ(told[0].end, End::unread);
  EXPECT_NE(published_.load(), before);
  EXPECT_EQ(store_->list().size(), 3u);
  write("c", 1);  // written again, and as it was
  EXPECT_EQ(ends(), (std::vector{End::unread, End::unread, End::same}));
}

TEST_F(OneByOne, ABadOneHoldsNobodyBack) {
  write("a", 2);
  write("b", 2, "x MX 65536 y\n");
  write("c", 2);
  const auto told = reload();
  EXPECT_EQ(told[0].end, End::changed);
  EXPECT_EQ(told[1].end, End::refused);
  EXPECT_EQ(told[1].error, folder_ + "/b:5: number is bigger than 16 bits");
  EXPECT_EQ(told[1].serial, 1u);
  EXPECT_EQ(told[2].end, End::changed);
  std::map<std::string, std::uint32_t> serials;
  for (const auto& zone : store_->list()) serials[zone.origin] = zone.serial;
  EXPECT_EQ(serials, (std::map<std::string, std::uint32_t>{{"a.", 2}, {"b.", 1}, {"c.", 2}}));
  EXPECT_EQ(ends(), (std::vector{End::unread, End::refused, End::unread})) << "it is tried again";
  std::filesystem::remove(folder_ + "/b");
  EXPECT_EQ(reload()[1].error, folder_ + "/b: No such file or directory");
  write("b", 3);
  EXPECT_EQ(ends(), (std::vector{End::unread, End::changed, End::unread}));
}

TEST_F(OneByOne, AnIncludedFileThatChanged) {
  std::ofstream(folder_ + "/part") << "x A 192.0.2.7\n";
  write("a", 2, "$INCLUDE part\n");
  EXPECT_EQ(ends(), (std::vector{End::changed, End::unread, End::unread}));
  (void)ends();  // now the files that it includes are known
  EXPECT_EQ(ends(), (std::vector{End::unread, End::unread, End::unread}));
  std::ofstream(folder_ + "/part") << "x A 192.0.2.77\n";
  EXPECT_EQ(ends(), (std::vector{End::changed, End::unread, End::unread}));
}

}  // namespace
}  // namespace gl::control
