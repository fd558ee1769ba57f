// The limits of prefixes: bursts, rates over time, decay, strangers, a table that is full.
#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <random>
#include <vector>

#include "lib/base/endian.h"
#include "lib/service/prefix_limiter.h"

namespace gl {
namespace {

using Address = std::vector<std::uint8_t>;

constexpr PrefixLimiter::Key kKey = {1, 2, 3};

Address v4(std::uint32_t number) {
  Address address(4);
  store_be(address.data(), number);
  return address;
}
// 2001:db8::/32 with these bits below, from the left.
Address v6(std::uint64_t high, std::uint64_t low) {
  Address address(16);
  store_be(address.data(), std::uint64_t{0x20010db8} << 32 | high);
  store_be(address.data() + 8, low);
  return address;
}
constexpr std::uint32_t kBase = 198U << 24 | 18U << 16;  // 198.18.0.0

unsigned taken(PrefixLimiter& limiter, const Address& address, unsigned tries) {
  unsigned count = 0;
  for (unsigned i = 0; i < tries; ++i) count += limiter.take(address) ? 1U : 0U;
  return count;
}

TEST(PrefixLimiter, AnAddressHasItsRateAtOnceAndThenASecond) {
  for (const std::uint32_t rate : {1U, 2U, 10U, 200U, 5000U}) {
    PrefixLimiter limiter(rate, kKey);
    EXPECT_NEAR(taken(limiter, v4(kBase), 3 * rate), rate, 1) << rate;
    // Ten seconds, asked four times as often as is allowed.
    unsigned count = 0;
    std::uint64_t now = 0;
    for (unsigned i = 0; i < 40 * rate; ++i) {
      now = std::uint64_t{i} * 10000 / (40 * rate);
      limiter.set_time(now);
      count += limiter.take(v4(kBase)) ? 1U : 0U;
    }
    EXPECT_NEAR(count, 10.0 * rate, 1.0 + 0.35 * rate) << rate;
  }
}

TEST(PrefixLimiter, WhoStaysBelowIsNeverLimited) {
  PrefixLimiter limiter(100, kKey);
  for (std::uint64_t now = 0; now < 60000; now += 11) {
    limiter.set_time(now);
    ASSERT_TRUE(limiter.take(v4(kBase))) << now;
  }
}

TEST(PrefixLimiter, WhatWasCountedDecays) {
  PrefixLimiter limiter(1000, kKey);
  EXPECT_NEAR(taken(limiter, v4(kBase), 3000), 1000, 1);
  std::uint64_t now = 0;
  for (const std::uint64_t pause : {100U, 700U, 1024U, 2500U}) {
    now += pause;
    limiter.set_time(now);
    const double wanted = 1000 * (1 - std::exp(-static_cast<double>(pause) / 1000));
    EXPECT_NEAR(taken(limiter, v4(kBase), 3000), wanted, 3) << pause;
  }
  limiter.set_time(now + 0xffffffffULL);  // a clock of 32 bits has gone round but for a millisecond
  EXPECT_NEAR(taken(limiter, v4(kBase), 3000), 1000, 1);
}

// Each prefix has its limit whoever uses it up, and a neighbour outside is not touched.
TEST(PrefixLimiter, Prefixes) {
  constexpr std::uint32_t kRate = 10;
  for (const PrefixLimit& limit : kIpv4Prefixes) {
    PrefixLimiter limiter(kRate, kKey);
    unsigned count = 0;
    for (std::uint32_t i = 0; i < 50 * kRate * limit.multiple; ++i) {
      const std::uint32_t host = i % (std::uint32_t{1} << (32 - limit.length));
      count += limiter.take(v4(kBase + host)) ? 1U : 0U;
    }
    // Spread evenly, addresses and smaller networks reach the limits of their own where those are smaller.
    EXPECT_NEAR(count, kRate * limit.multiple, 1 + kRate * limit.multiple / 50) << unsigned{limit.length};
    EXPECT_TRUE(limiter.take(v4(kBase - 1))) << unsigned{limit.length};
  }
  for (const PrefixLimit& limit : kIpv6Prefixes) {
    PrefixLimiter limiter(kRate, kKey);
    std::mt19937_64 random(limit.length);
    unsigned count = 0;
    for (unsigned i = 0; i < 50U * kRate * limit.multiple; ++i) {
      const unsigned high = limit.length < 64 ? 64U - limit.length : 0U;
      const std::uint64_t subnet = high == 0 ? std::uint64_t{0} : random() >> (64 - high);
      count += limiter.take(v6(subnet, limit.length == 128 ? std::uint64_t{1} : random())) ? 1U : 0U;
    }
    EXPECT_NEAR(count, kRate * limit.multiple, 1 + kRate * limit.multiple / 10) << unsigned{limit.length};
    EXPECT_TRUE(limiter.take(Address(16, 0x3f))) << unsigned{limit.length};
  }
}

TEST(PrefixLimiter, WhatIsRefusedCountsForNobody) {
  PrefixLimiter limiter(10, kKey);
  (void)taken(limiter, v4(kBase), 100000);
  // The /24 has room for 32 times as many, of which the abuser has had ten.
  EXPECT_NEAR(taken(limiter, v4(kBase + 1), 100), 10, 1);
}

TEST(PrefixLimiter, HalvesAreWhatTheWholeIs) {
  PrefixLimiter whole(20, kKey);
  PrefixLimiter halves(20, kKey);
  for (unsigned i = 0; i < 1000; ++i) {
    const Address address = v4(kBase + i % 40);
    const bool may = !halves.exceeded(address);
    if (may) halves.charge(address);
    ASSERT_EQ(whole.take(address), may) << i;
  }
}

// A million addresses ask once a second each, far more than the table has room for. Who asks too much is limited all
// the same, and of those who ask little none is.
TEST(PrefixLimiter, ATableThatIsFullKeepsWhoAsksMuch) {
  constexpr std::uint32_t kRate = 50;
  PrefixLimiter limiter(kRate, kKey);
  std::mt19937 random(7);
  unsigned abuser = 0;
  unsigned refused = 0;
  for (std::uint64_t now = 0; now < 4000; ++now) {
    limiter.set_time(now);
    for (int i = 0; i < 10; ++i) abuser += limiter.take(v4(kBase)) ? 1U : 0U;
    // Of all the world, so that no network reaches its limit.
    for (int i = 0; i < 250; ++i) refused += limiter.take(v4(static_cast<std::uint32_t>(random()))) ? 0U : 1U;
  }
  EXPECT_LT(abuser, 5 * kRate * 3 / 2);
  EXPECT_EQ(refused, 0U);
}

TEST(PrefixLimiter, NoAddressNoLimit) {
  PrefixLimiter limiter(1, kKey);
  for (int i = 0; i < 100; ++i) EXPECT_TRUE(limiter.take({}));
}

}  // namespace
}  // namespace gl
