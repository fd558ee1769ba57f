// When a service manager is told that this program is well: twice in the time it waits, and only while every worker
// turns. A worker's sign of life is the count of its rounds (CoreLoad), which it keeps anyway: looked at from here, it
// costs the packet path nothing. One that stands still holds the word back until it turns again, or the manager has
// lost patience. Units: microseconds of a monotonic clock. Thread: main core. Errors: none.
#pragma once

#include <cstdint>
#include <utility>
#include <vector>

namespace gl::control {

class Watchdog {
 public:
  // `limit_us`: how long the manager waits for a word; 0: for ever.
  explicit Watchdog(std::uint64_t limit_us) noexcept : period_us_(limit_us / 2) {}

  [[nodiscard]] bool enabled() const noexcept { return period_us_ != 0; }
  // Whether the word is to be given now. `rounds`: of each worker so far, the same workers at every call.
  [[nodiscard]] bool due(std::uint64_t now_us, std::vector<std::uint64_t> rounds) {
    if (!enabled() || now_us < next_us_) return false;
    for (std::size_t i = 0; i < rounds_.size(); ++i) {
      if (rounds[i] == rounds_[i]) return false;
    }
    rounds_ = std::move(rounds);
    next_us_ = now_us + period_us_;
    return true;
  }

 private:
  const std::uint64_t period_us_;
  std::uint64_t next_us_ = 0;
  std::vector<std::uint64_t> rounds_;  // when the word was given last
};

}  // namespace gl::control
