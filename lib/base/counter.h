// A counter written by one core and read by any.
// Units: events. Ownership: the core whose context holds it writes; telemetry reads. Thread: relaxed
// atomic load and store, which compiles to a plain increment; totals are exact, never torn.
#pragma once

#include <atomic>
#include <cstdint>

namespace gl {

class Counter {
 public:
  void add(std::uint64_t n = 1) noexcept {
    value_.store(value_.load(std::memory_order_relaxed) + n, std::memory_order_relaxed);
  }
  [[nodiscard]] std::uint64_t value() const noexcept { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::uint64_t> value_{0};
};

}  // namespace gl
