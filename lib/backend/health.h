// Which backends answer, as one core sees it. Checks go out at a steady pace; time-outs of questions count as failures
// too, but the one that takes a backend out of service is always that of a check, which is sent at once when questions
// begin to fail: a name that a resolver cannot answer in time would otherwise take the resolver down.
// Units: milliseconds. Ownership: the core's; borrows settings and counters. Thread: that core only. Errors: none.
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "lib/backend/counters.h"
#include "lib/backend/settings.h"

namespace gl::backend {

class Health {
 public:
  Health(const ForwardSettings& settings, std::span<BackendCounters> counters);

  void start(std::uint64_t now_ms) noexcept;
  [[nodiscard]] bool up(unsigned backend) const noexcept { return states_[backend].up; }
  // Cheap: whether any backend has a check due.
  [[nodiscard]] bool due(std::uint64_t now_ms) const noexcept { return now_ms >= next_ms_; }
  // Whether this one has, and then when its next is.
  [[nodiscard]] bool take_due(unsigned backend, std::uint64_t now_ms) noexcept;
  void plan() noexcept;  // after the last take_due() of a round

  void check_answered(unsigned backend) noexcept;
  void check_failed(unsigned backend) noexcept;
  void question_answered(unsigned backend) noexcept { states_[backend].failures = 0; }
  void question_failed(unsigned backend, std::uint64_t now_ms) noexcept;

 private:
  struct State {
    bool up = true;
    std::uint32_t failures = 0;  // in a row
    std::uint64_t next_ms = 0;
  };
  const ForwardSettings& settings_;
  std::span<BackendCounters> counters_;
  std::array<State, kMaxBackends> states_{};
  std::uint64_t next_ms_ = ~std::uint64_t{0};
};

}  // namespace gl::backend
