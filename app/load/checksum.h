// The Internet checksum (RFC 1071) as sums that can be prepared ahead and added up.
// Byte order: sums are over words as they lie in memory (RFC 1071 section 2 B), so no swap is needed anywhere.
// Thread: pure functions. It shares no code with the server on purpose: it is the witness of the server's checksums.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

namespace gl::load {

// A sum not folded yet: 32-bit words may be added as they are, since 2^16 is 1 modulo 2^16 - 1.
using Sum = std::uint64_t;

[[nodiscard]] inline Sum sum_bytes(const std::uint8_t* at, std::size_t length) noexcept {
  Sum sum = 0;
  for (; length >= 8; at += 8, length -= 8) {
    std::uint32_t word[2];
    std::memcpy(word, at, 8);
    sum += static_cast<Sum>(word[0]) + word[1];
  }
  if (length != 0) {
    std::uint32_t word[2] = {0, 0};
    std::memcpy(word, at, length);
    sum += static_cast<Sum>(word[0]) + word[1];
  }
  return sum;
}

[[nodiscard]] inline std::uint16_t fold(Sum sum) noexcept {
  sum = (sum >> 32) + (sum & 0xffffffffu);
  sum = (sum >> 32) + (sum & 0xffffffffu);
  auto word = static_cast<std::uint32_t>(sum >> 16) + static_cast<std::uint32_t>(sum & 0xffffu);
  word = (word >> 16) + (word & 0xffffu);
  return static_cast<std::uint16_t>(word);
}

// What goes into a checksum field, in the byte order of memory.
[[nodiscard]] inline std::uint16_t checksum(Sum sum) noexcept {
  return static_cast<std::uint16_t>(~fold(sum));
}
// Whether a range that includes its checksum field is right.
[[nodiscard]] inline bool checksum_ok(Sum sum) noexcept {
  return fold(sum) == 0xffff;
}

}  // namespace gl::load
