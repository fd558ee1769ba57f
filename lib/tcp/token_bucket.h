// A token bucket: so many events a second, and a burst of one second's worth.
// Units: events, milliseconds of a monotonic clock. Thread: one core's own.
#pragma once

#include <algorithm>
#include <cstdint>

namespace gl::tcp {

class TokenBucket {
 public:
  explicit constexpr TokenBucket(std::uint32_t per_second) noexcept
      : per_second_(per_second), milli_tokens_(std::uint64_t{per_second} * 1000) {}

  void refill(std::uint64_t now_ms) noexcept {
    const std::uint64_t elapsed = std::min<std::uint64_t>(now_ms - last_ms_, 1000);
    last_ms_ = now_ms;
    milli_tokens_ = std::min(milli_tokens_ + elapsed * per_second_, std::uint64_t{per_second_} * 1000);
  }
  [[nodiscard]] bool take() noexcept {
    if (milli_tokens_ < 1000) return false;
    milli_tokens_ -= 1000;
    return true;
  }

 private:
  std::uint32_t per_second_;
  std::uint64_t milli_tokens_;
  std::uint64_t last_ms_ = 0;
};

}  // namespace gl::tcp
