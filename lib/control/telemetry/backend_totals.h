// What the cores count about the backends: of one core or of all together, by name, for telemetry and for the lines at
// the end.
// Units: as counted, round trips in microseconds. Thread: any; each value is exact, together they are of nearly one
// moment.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "lib/backend/counters.h"
#include "lib/backend/forwarder.h"
#include "lib/control/start/workers.h"
#include "lib/control/telemetry/totals.h"
#include "lib/tcp_client/helper_counters.h"

namespace gl::control {

using Forwarders = std::vector<const backend::Forwarder*>;

// That of every worker, in the workers' order; none where nothing is forwarded.
[[nodiscard]] Forwarders forwarders_of(const Workers& workers);

// The suffixes of the pools that a backend is in, with spaces between.
[[nodiscard]] std::string suffixes_of(const backend::ForwardSettings& settings, unsigned backend);
// By name, or else by number.
[[nodiscard]] std::optional<unsigned> find_backend(const backend::ForwardSettings& settings, const std::string& wanted);

// What GL_FORWARD_COUNTERS names.
[[nodiscard]] NamedCounters forward_counters(const backend::ForwardCounters& counters);
[[nodiscard]] NamedCounters forward_counters(std::span<const backend::Forwarder* const> forwarders);
// What GL_BACKEND_COUNTERS names.
[[nodiscard]] NamedCounters backend_counters(const backend::BackendCounters& counters);
[[nodiscard]] NamedCounters backend_counters(std::span<const backend::Forwarder* const> forwarders, unsigned backend);
// What GL_TCP_HELPER_COUNTERS names.
[[nodiscard]] NamedCounters tcp_helper_counters(const tcp_client::TcpHelperCounters& counters);
// How many cores see it up.
[[nodiscard]] std::uint64_t cores_up(std::span<const backend::Forwarder* const> forwarders, unsigned backend);

// Round trips: how many there were by powers of two, and what they were at most.
class Latency {
 public:
  static constexpr std::size_t kBuckets = backend::LatencyHistogram::kBuckets;

  void add(const backend::LatencyHistogram& histogram);
  [[nodiscard]] std::uint64_t count() const noexcept;
  [[nodiscard]] const std::array<std::uint64_t, kBuckets>& buckets() const noexcept { return buckets_; }
  // All round trips together, in microseconds.
  [[nodiscard]] std::uint64_t sum() const noexcept { return sum_; }
  // So long at most took `percent` of them, as far as buckets say: the first microsecond beyond the bucket; 0 where
  // there were none. The last bucket has no end, and is taken as one as wide as its beginning.
  [[nodiscard]] std::uint64_t below(unsigned percent) const noexcept;
  // us_lt_2, us_lt_4 and so on; the last one has all that is longer, us_ge_8388608.
  [[nodiscard]] std::vector<std::pair<std::string, std::uint64_t>> named() const;

 private:
  std::array<std::uint64_t, kBuckets> buckets_{};
  std::uint64_t sum_ = 0;
};

[[nodiscard]] Latency latency_of(std::span<const backend::Forwarder* const> forwarders, unsigned backend);

}  // namespace gl::control
