// Numbers that nobody outside can foretell: query IDs, source ports, which backend is asked.
// Ownership: the core's. Thread: that core only. Errors: none; the key is drawn from the system once, at construction,
// and replaced from the stream at every refill, so that what was drawn before cannot be computed from memory later.
// Source: RFC 5452 section 9.2 (unpredictable IDs and ports), RFC 8439 (ChaCha20).
#pragma once

#include <array>
#include <cstdint>

namespace gl::backend {

class RandomStream {
 public:
  RandomStream();
  [[nodiscard]] std::uint32_t u32() noexcept;
  [[nodiscard]] std::uint16_t u16() noexcept { return static_cast<std::uint16_t>(u32() >> 16); }
  // Uniform in [0, bound), as near as 32 bits allow; `bound` is at least 1.
  [[nodiscard]] std::uint32_t below(std::uint32_t bound) noexcept {
    return static_cast<std::uint32_t>(std::uint64_t{u32()} * bound >> 32);
  }

 private:
  static constexpr std::size_t kKeyBytes = 32;
  static constexpr std::size_t kBlock = 2048;
  void refill() noexcept;

  std::array<std::uint8_t, kBlock> block_;  // its first bytes are the next key
  std::size_t at_ = kBlock;
};

}  // namespace gl::backend
