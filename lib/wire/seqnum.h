// TCP sequence numbers: a type with wraparound comparison (RFC 9293 section 3.4).
// Byte order: host. Units: bytes of stream. Thread: plain values.
#pragma once

#include <cstdint>

namespace gl::wire {

class SeqNum {
 public:
  constexpr SeqNum() noexcept = default;
  constexpr explicit SeqNum(std::uint32_t value) noexcept : value_(value) {}
  [[nodiscard]] constexpr std::uint32_t value() const noexcept { return value_; }

  friend constexpr SeqNum operator+(SeqNum a, std::uint32_t n) noexcept { return SeqNum(a.value_ + n); }
  friend constexpr SeqNum operator-(SeqNum a, std::uint32_t n) noexcept { return SeqNum(a.value_ - n); }
  // Distance from b forward to a, modulo 2^32.
  friend constexpr std::uint32_t operator-(SeqNum a, SeqNum b) noexcept { return a.value_ - b.value_; }
  friend constexpr bool operator==(SeqNum, SeqNum) noexcept = default;
  // a before b, where the two are less than 2^31 apart.
  [[nodiscard]] friend constexpr bool before(SeqNum a, SeqNum b) noexcept {
    return static_cast<std::int32_t>(a.value_ - b.value_) < 0;
  }

  // From one to the other, negative backwards, where the two are less than 2^31 apart.
  [[nodiscard]] friend constexpr std::int32_t distance(SeqNum from, SeqNum to) noexcept {
    return static_cast<std::int32_t>(to.value_ - from.value_);
  }

 private:
  std::uint32_t value_ = 0;
};

}  // namespace gl::wire
