// How busy a core is: what counts as busy, and sizes of bursts.
#include <gtest/gtest.h>

#include <array>

#include "lib/worker/load.h"

namespace gl::worker {
namespace {

TEST(CoreLoad, CountsFromTheBeginningOfWorkToTheEndOfItsRound) {
  CoreLoad load;
  load.start(1000);
  EXPECT_EQ(load.started(), 1000u);
  load.idle_round();
  load.busy_round(1100, 1150);
  load.idle_round();
  load.busy_round(2000, 2007);
  EXPECT_EQ(load.busy_cycles(), 57u);
  EXPECT_EQ(load.rounds(), 4u);
}

// What the port took to bring the second burst is between the end of the first round and the second one's beginning.
TEST(CoreLoad, RoundsThatFollowEachOtherHaveNothingIdleBetweenThem) {
  CoreLoad load;
  load.start(1000);
  load.busy_round(1100, 1150);
  load.busy_round(1190, 1240);
  EXPECT_EQ(load.busy_cycles(), 140u);
  load.idle_round();
  load.busy_round(1300, 1310);
  EXPECT_EQ(load.busy_cycles(), 150u);
}

TEST(CoreLoad, BurstsByPowersOfTwo) {
  CoreLoad load;
  for (unsigned count = 1; count <= dpdk::kBurst; ++count) load.burst(count);
  constexpr std::array<std::uint64_t, kBurstBuckets> kExpected = {1, 1, 2, 4, 8, 16};  // 1, 2, 3-4, 5-8, 9-16, 17-32
  for (std::size_t i = 0; i < kBurstBuckets; ++i) EXPECT_EQ(load.bursts(i), kExpected[i]) << i;
}

}  // namespace
}  // namespace gl::worker
