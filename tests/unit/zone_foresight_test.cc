// What is looked up beforehand is what the answer will need; and to look ahead changes nothing, whatever is shown.
#include "lib/zone/foresight.h"

#include <gtest/gtest.h>

#include <random>
#include <span>
#include <string>
#include <vector>

#include "tests/unit/dns_test_support.h"

namespace {

using namespace gl;
using test::Message;
using test::Served;
enum : std::uint16_t { A = 1, NS = 2, SOA = 6, DS = 43, DNSKEY = 48 };

const zone::Block* foreseen(const Served& served, const std::string& name, std::uint16_t type, bool dnssec) {
  zone::HashedName hashed;
  EXPECT_TRUE(hashed.name.parse(test::wire_name(name)));
  hashed.rehash();
  zone::Foresight lookup;
  lookup.find_slots(*served.snapshot, hashed, type, dnssec);
  lookup.find_node();
  lookup.find_rrsets();
  lookup.find_block();
  return lookup.block();
}

// Found the other way: by the whole name.
const zone::Block* stored(const Served& served, const std::string& name, std::uint16_t type, bool dnssec) {
  const zone::Zone& zone = *served.snapshot->zones()[0];
  zone::HashedName hashed;
  EXPECT_TRUE(hashed.name.parse(test::wire_name(name)));
  hashed.rehash();
  const zone::NodeId id = zone.find(hashed.name.view(), hashed.hash[hashed.name.labels]);
  if (id == zone::kNoNode) return nullptr;
  const zone::RrsetEntry* const entry = zone.rrset(zone.nodes[id], type);
  return entry == nullptr ? nullptr : &zone.block(entry->block[dnssec ? 1 : 0].id);
}

class Foresight : public testing::Test {
 protected:
  Served served_{{{std::string(TEST_DATA) + "/root.zone", ""}}};
};

TEST_F(Foresight, FindsTheBlockOfTheAnswer) {
  for (const bool dnssec : {false, true}) {
    for (const char* name : {"com.", "net.", "org.", "arpa.", "de.", "xn--p1ai.", "museum."}) {
      const zone::Block* const ds = stored(served_, name, DS, dnssec);
      EXPECT_EQ(foreseen(served_, name, DS, dnssec), ds) << name;
      const zone::Block* const referral = stored(served_, name, zone::kReferral, dnssec);
      ASSERT_NE(referral, nullptr) << name;
      EXPECT_EQ(foreseen(served_, name, A, dnssec), referral) << name;
      EXPECT_EQ(foreseen(served_, std::string("www.") + name, A, dnssec), referral) << name;
    }
  }
}

TEST_F(Foresight, FindsNothingWhereThereIsNothing) {
  EXPECT_EQ(foreseen(served_, "no-such-name.", A, true), nullptr);
  EXPECT_EQ(foreseen(served_, ".", SOA, true), nullptr);  // the apex is in the cache anyway
  EXPECT_EQ(foreseen(served_, "com.", DNSKEY, false), stored(served_, "com.", zone::kReferral, false));
  Served other({{std::string(TEST_DATA) + "/sample.zone", "example.com"}});
  EXPECT_EQ(foreseen(other, "www.example.org.", A, false), nullptr);
}

// Requests of every kind, cut everywhere and damaged anywhere, on heap memory of exactly their length.
TEST_F(Foresight, WhateverIsShownTheAnswersStayTheSame) {
  std::mt19937 random(17);
  const std::vector<Message> good = {test::query("com.", DS), test::query("www.example.de.", A, {.dnssec = true}),
                                     test::query(".", NS, {.edns = true}), test::query("none.", A)};
  std::vector<Message> before(good.size());
  for (std::size_t i = 0; i < good.size(); ++i) (void)served_.raw(good[i], true, before[i]);
  for (int turn = 0; turn < 2000; ++turn) {
    std::vector<Message> shown;
    for (std::size_t i = 0, count = random() % 40; i < count; ++i) {
      Message m = good[random() % good.size()];
      m.resize(random() % (m.size() + 1));
      m.shrink_to_fit();
      if (!m.empty() && random() % 2 == 0) m[random() % m.size()] = static_cast<std::uint8_t>(random());
      shown.push_back(std::move(m));
    }
    const std::vector<Bytes> requests(shown.begin(), shown.end());
    served_.service->look_ahead(requests);
  }
  for (std::size_t i = 0; i < good.size(); ++i) {
    Message after;
    (void)served_.raw(good[i], true, after);
    EXPECT_EQ(after, before[i]);
  }
}

// The root fits a core's cache: to look ahead would only cost.
TEST_F(Foresight, IsForZonesThatNoCacheHolds) {
  EXPECT_FALSE(served_.service->looks_ahead());
  std::string text = "$ORIGIN big.\n$TTL 60\n@ SOA a b 1 2 3 4 5\n@ NS ns.example.\n";
  for (int i = 0; i < 60000; ++i) text += "d" + std::to_string(i) + " NS ns.d" + std::to_string(i) + ".example.\n";
  const test::TempFile file(text);
  const Served large({{file.path(), ""}});
  EXPECT_TRUE(large.service->looks_ahead());
}

}  // namespace
