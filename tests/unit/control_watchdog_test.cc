// A word to the service manager: twice in its time, and only while every worker turns.
#include <gtest/gtest.h>

#include "lib/control/start/watchdog.h"

namespace gl::control {
namespace {

TEST(Watchdog, SaysNothingWhereNobodyWaits) {
  Watchdog watchdog(0);
  EXPECT_FALSE(watchdog.enabled());
  EXPECT_FALSE(watchdog.due(1'000'000, {1}));
}

TEST(Watchdog, IsDueTwiceInTheTimeThatTheManagerWaits) {
  Watchdog watchdog(1'000'000);
  EXPECT_TRUE(watchdog.enabled());
  EXPECT_TRUE(watchdog.due(5'000'000, {0, 0}));
  EXPECT_FALSE(watchdog.due(5'499'999, {1, 1}));
  EXPECT_TRUE(watchdog.due(5'500'000, {1, 1}));
  EXPECT_FALSE(watchdog.due(5'999'999, {2, 2}));
}

TEST(Watchdog, WaitsForAWorkerThatStandsStill) {
  Watchdog watchdog(1'000'000);
  EXPECT_TRUE(watchdog.due(0, {7, 7}));
  EXPECT_FALSE(watchdog.due(500'000, {8, 7}));
  EXPECT_FALSE(watchdog.due(900'000, {9, 7}));
  EXPECT_TRUE(watchdog.due(900'001, {9, 8}));
  EXPECT_FALSE(watchdog.due(1'400'000, {10, 9})) << "half of the time from the last word on";
  EXPECT_TRUE(watchdog.due(1'400'001, {10, 9}));
}

}  // namespace
}  // namespace gl::control
