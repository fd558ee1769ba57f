// Zone swaps: what is published when, and that a zone that does not load changes nothing.
#include <gtest/gtest.h>

#include <cstdio>
#include <fstream>

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

}  // namespace
}  // namespace gl::control
