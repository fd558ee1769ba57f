// Counters of backends by name, and round trips as quantiles.
#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "lib/control/telemetry/backend_totals.h"

namespace gl::control {
namespace {

std::uint64_t named(const NamedCounters& counters, std::string_view name) {
  for (const auto& [known, value] : counters) {
    if (known == name) return value;
  }
  ADD_FAILURE() << "no counter " << name;
  return 0;
}

TEST(BackendTotals, CountersByName) {
  backend::BackendCounters one;
  one.sent.add(3);
  one.refused.add(2);
  backend::BackendCounters other;
  other.sent.add(4);
  NamedCounters sum;
  add_counters(sum, backend_counters(one));
  add_counters(sum, backend_counters(other));
  EXPECT_EQ(named(sum, "sent"), 7u);
  EXPECT_EQ(named(sum, "refused"), 2u);
  EXPECT_EQ(named(sum, "answered"), 0u);

  backend::ForwardCounters forward;
  forward.failed_timeout.add(5);
  EXPECT_EQ(named(forward_counters(forward), "failed_timeout"), 5u);
  tcp_client::TcpHelperCounters helper;
  helper.stale.add(6);
  EXPECT_EQ(named(tcp_helper_counters(helper), "stale"), 6u);
  EXPECT_TRUE(forward_counters(Forwarders{}).empty());
  EXPECT_TRUE(backend_counters(Forwarders{}, 0).empty());
}

TEST(BackendTotals, QuantilesAreTheEndsOfBuckets) {
  const auto histogram = std::make_unique<backend::LatencyHistogram>();
  Latency none;
  none.add(*histogram);
  EXPECT_EQ(none.below(50), 0u);

  for (int i = 0; i < 50; ++i) histogram->add(100);    // [64, 128)
  for (int i = 0; i < 45; ++i) histogram->add(1000);   // [512, 1024)
  for (int i = 0; i < 5; ++i) histogram->add(800000);  // [524288, 1048576)
  Latency latency;
  latency.add(*histogram);
  EXPECT_EQ(latency.count(), 100u);
  EXPECT_EQ(latency.below(50), 128u);
  EXPECT_EQ(latency.below(51), 1024u);
  EXPECT_EQ(latency.below(95), 1024u);
  EXPECT_EQ(latency.below(96), 1048576u);
  EXPECT_EQ(latency.below(100), 1048576u);

  latency.add(*histogram);  // of another core
  EXPECT_EQ(latency.count(), 200u);
  EXPECT_EQ(latency.below(50), 128u);
}

TEST(BackendTotals, OneRoundTripIsEveryQuantile) {
  const auto histogram = std::make_unique<backend::LatencyHistogram>();
  histogram->add(0);
  Latency shortest;
  shortest.add(*histogram);
  EXPECT_EQ(shortest.below(1), 2u);
  EXPECT_EQ(shortest.below(99), 2u);

  const auto longest_histogram = std::make_unique<backend::LatencyHistogram>();
  longest_histogram->add(~std::uint64_t{0});
  Latency longest;
  longest.add(*longest_histogram);
  EXPECT_EQ(longest.below(50), std::uint64_t{1} << backend::LatencyHistogram::kBuckets);
}

TEST(BackendTotals, BucketsByName) {
  const auto histogram = std::make_unique<backend::LatencyHistogram>();
  for (const std::uint64_t us : {0u, 1u, 2u, 3u, 4u}) histogram->add(us);
  histogram->add(std::uint64_t{1} << 23);
  histogram->add((std::uint64_t{1} << 23) - 1);
  Latency latency;
  latency.add(*histogram);
  const auto list = latency.named();
  ASSERT_EQ(list.size(), 24u);
  using Bucket = std::pair<std::string, std::uint64_t>;
  EXPECT_EQ(list[0], (Bucket{"us_lt_2", 2}));
  EXPECT_EQ(list[1], (Bucket{"us_lt_4", 2}));
  EXPECT_EQ(list[2], (Bucket{"us_lt_8", 1}));
  EXPECT_EQ(list[22], (Bucket{"us_lt_8388608", 1}));
  EXPECT_EQ(list[23], (Bucket{"us_ge_8388608", 1}));
}

}  // namespace
}  // namespace gl::control
