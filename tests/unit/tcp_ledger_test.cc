#include "lib/tcp/ledger.h"

#include <gtest/gtest.h>

#include <random>

namespace gl::tcp {
namespace {

TEST(Ledger, NeverTakesBackItsFlags) {
  const std::uint32_t echo = Ledger{500, 35, true, true}.encode(0x80000000);
  EXPECT_EQ((Ledger{500, 35, false, true}.encode(echo)), echo);
  EXPECT_EQ((Ledger{500, 35, true, false}.encode(echo)), echo);
  EXPECT_EQ((Ledger{501, 35, false, false}.encode(echo)), echo + (1u << 14) - 3);
}

TEST(Ledger, SurvivesTheTripThroughTheClient) {
  std::mt19937 random(1);
  for (int i = 0; i < 100000; ++i) {
    const Ledger ledger{static_cast<std::uint32_t>(random()) & kOffsetMask,
                        static_cast<std::uint16_t>(random() & kNextMask), (random() & 1) != 0, (random() & 1) != 0};
    EXPECT_EQ(Ledger::decode(ledger.encode(static_cast<std::uint32_t>(random()))), ledger);
  }
}

// PAWS (RFC 7323 section 5.2) rejects a TSval before the one seen last; each must be less than 2^31 ahead.
TEST(Ledger, NeverGoesBackwards) {
  std::mt19937 random(2);
  for (int i = 0; i < 100000; ++i) {
    const auto echo = static_cast<std::uint32_t>(random());
    const Ledger ledger = Ledger::decode(static_cast<std::uint32_t>(random()));
    EXPECT_LT(ledger.encode(echo) - echo, 1u << 31);
  }
}

TEST(Ledger, OrdinaryStepsAreSmallAndStableWhenRepeated) {
  const Ledger before{1000, 35, false, true};
  const std::uint32_t echo = before.encode(0);
  const Ledger after{1231, 70, false, true};
  EXPECT_EQ(after.encode(echo), after.encode(echo));
  EXPECT_LE(after.encode(echo) - echo, 232u << 14);
  EXPECT_EQ(before.encode(echo), echo);
}

}  // namespace
}  // namespace gl::tcp
