// How long a client that waits hears nothing that brings it on: what it sees of a server that lost the thread.
// Without loss it is never longer than until the client's timer repeats something, and three round trips more. With a
// piece of a query it may be two of its timers: the first may bring the piece for the first time, and a server that
// keeps nothing for its correctness acknowledges only what is repeated.
// Units: milliseconds. Ownership: borrows the scenario. Thread: one.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <utility>

#include "tests/sim/scenario.h"

namespace gl::sim {

class Silence {
 public:
  explicit Silence(const Scenario& scenario)
      : scenario_(scenario), grace_ms_(kRoundTrips * scenario.channel.round_trip_ms() + kRoundingMs) {}

  // After everything that happens to the client. Says what is wrong, or nothing.
  std::string observe(std::uint64_t now_ms, const Client& client, std::size_t answers) {
    while (asked_ < scenario_.queries.size() && query_end() <= client.sent()) asked_at_ = query_end(), ++asked_;
    const bool waited = waits_;
    waits_ = client.waits() || answers < asked_;
    if (waited && now_ms > limit()) return describe(now_ms);
    repeats_ = client.repeats();
    if (!waited || client.progress() != progress_) {
      since_ms_ = now_ms;
      timeouts_ = client.timeouts();
      repeats_at_ = now_ms + client.timeout_ms();
      progress_ = client.progress();
    }
    // What the timer repeats so soon behind progress may as well be a copy that the network made: the next one counts.
    if (client.timeouts() != timeouts_ && now_ms < since_ms_ + grace_ms_ / 2) timeouts_ = client.timeouts();
    // A probe puts the timer off; the timer itself does not count twice.
    if (client.timeouts() == timeouts_) repeats_at_ = std::max(repeats_at_, client.repeats_at());
    return {};
  }

 private:
  static constexpr std::uint64_t kRoundTrips = 3;
  static constexpr std::uint64_t kRoundingMs = 3;

  [[nodiscard]] std::size_t query_end() const { return asked_at_ + scenario_.queries[asked_].query_length; }
  [[nodiscard]] std::uint64_t limit() const {
    const bool twice = scenario_.client.timestamps && repeats_piece();
    return repeats_at_ + grace_ms_ + (twice ? 2 * (repeats_at_ - since_ms_) : 0);
  }
  // What the client repeats may hold no whole query, where others were acknowledged that began in the same segment.
  [[nodiscard]] bool repeats_piece() const {
    const auto [begin, end] = repeats_;
    std::size_t at = 0;
    for (const Query& query : scenario_.queries) {
      const bool starts_here = at >= begin;
      at += query.query_length;
      if (starts_here && at <= end) return false;
    }
    return begin < end;
  }
  [[nodiscard]] std::string describe(std::uint64_t now_ms) const {
    return std::string(repeats_piece() ? "silent for too long with a piece of a query: " : "silent for too long: ") +
           std::to_string(now_ms - since_ms_) + " ms and more from " + std::to_string(since_ms_) +
           " ms on, where its timer was " + std::to_string(repeats_at_ - since_ms_) + " ms and three round trips " +
           std::to_string(grace_ms_);
  }

  const Scenario& scenario_;
  std::uint64_t grace_ms_;
  std::size_t asked_ = 0;     // queries that were sent whole
  std::size_t asked_at_ = 0;  // and where they end
  bool waits_ = false;
  std::uint64_t since_ms_ = 0;
  std::uint64_t progress_ = 0;
  std::uint64_t repeats_at_ = 0;
  unsigned timeouts_ = 0;
  std::pair<std::size_t, std::size_t> repeats_{};
};

}  // namespace gl::sim
