// When exchanges may start: at once, or at a steady rate; and which part of the slots' timers is due for a look.
// Units: TSC cycles. Thread: the generator's core only.
#pragma once

#include <algorithm>
#include <cstdint>

namespace gl::load {

class Pacer {
 public:
  // `rate` a second; 0: no limit.
  Pacer(double rate, std::uint64_t hz, std::uint64_t now)
      : cycles_(rate > 0 ? static_cast<double>(hz) / rate : 0), due_(static_cast<double>(now)) {}

  [[nodiscard]] bool unlimited() const noexcept { return cycles_ == 0; }
  // Whether one more may start. What was missed while slots were short is made up for 1000 starts at most.
  [[nodiscard]] bool take(std::uint64_t now) noexcept {
    if (unlimited()) return true;
    if (due_ > static_cast<double>(now)) return false;
    due_ = std::max(due_ + cycles_, static_cast<double>(now) - 1000 * cycles_);
    return true;
  }

 private:
  double cycles_;
  double due_;
};

// Walks the whole array once in about 8 ms, a slice every quarter of a millisecond.
class TimerWalk {
 public:
  TimerWalk(std::size_t slots, std::uint64_t hz) noexcept
      : slots_(slots), slice_(std::max<std::size_t>(slots / 32, 1)), period_(hz / 4000) {}

  template <class Each>
  void step(std::uint64_t now, Each&& each) noexcept {
    if (now < next_) return;
    next_ = now + period_;
    for (std::size_t i = 0; i < slice_; ++i) {
      each(at_);
      if (++at_ == slots_) at_ = 0;
    }
  }

 private:
  std::size_t slots_;
  std::size_t slice_;
  std::size_t at_ = 0;
  std::uint64_t period_;
  std::uint64_t next_ = 0;
};

// ISNs and identifiers that a peer does not see repeat (xorshift64*): variety, not secrecy.
class Prng {
 public:
  explicit Prng(std::uint64_t seed) noexcept : state_(seed | 1) {}
  [[nodiscard]] std::uint32_t next() noexcept {
    state_ ^= state_ >> 12;
    state_ ^= state_ << 25;
    state_ ^= state_ >> 27;
    return static_cast<std::uint32_t>((state_ * 0x2545f4914f6cdd1dULL) >> 32);
  }

 private:
  std::uint64_t state_;
};

}  // namespace gl::load
