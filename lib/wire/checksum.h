// The Internet checksum (RFC 1071), its pseudo headers (RFC 9293, RFC 768, RFC 8200) and its incremental update (RFC
// 1624). Byte order: sums are kept in memory order (RFC 1071 section 2(B)), so nothing is swapped; a Be16 takes the
// result as it lies. Ownership: borrows. Thread: pure functions. Errors: none, any span may be summed; some
// billions of spans may be added.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "lib/base/bytes.h"
#include "lib/base/endian.h"

namespace gl::wire {

// A sum not yet folded: 16-bit words in memory order, with their carries above.
using PartialSum = std::uint64_t;

[[nodiscard]] constexpr Be16 be16_from_raw(std::uint16_t raw) noexcept {
  return Be16(host_to_be(raw));
}

namespace detail {
template <class T>
[[nodiscard]] inline T load_raw(const std::uint8_t* at) noexcept {
  T v;
  std::memcpy(&v, at, sizeof v);
  return v;
}
template <class T>
inline void store_raw(std::uint8_t* at, T v) noexcept {
  std::memcpy(at, &v, sizeof v);
}
}  // namespace detail

// Of a word its last `n` bytes, 0 to 7, moved to its front, behind them zeros. Without a branch: lengths differ from
// packet to packet.
[[nodiscard]] constexpr std::uint64_t last_bytes(std::uint64_t word, std::size_t n) noexcept {
  static_assert(std::endian::native == std::endian::little);
  return word >> 1 >> (63 - 8 * n);
}

// One's complement addition of 64 bits: the carry comes in again below (RFC 1071 section 2(C)).
[[nodiscard]] constexpr std::uint64_t add_around(std::uint64_t sum, std::uint64_t v) noexcept {
  sum += v;
  return sum + (sum < v ? 1 : 0);
}
// The same value in 33 bits, so that sums may be added plainly.
[[nodiscard]] constexpr PartialSum narrowed(std::uint64_t sum) noexcept {
  return (sum & 0xffffffffu) + (sum >> 32);
}

// Adds `n` bytes at `p`; only the last span of a sum may have an odd length.
[[nodiscard]] inline PartialSum sum_bytes(const std::uint8_t* p, std::size_t n, PartialSum sum = 0) noexcept {
  using detail::load_raw;
  const std::size_t whole = n;
  std::uint64_t other = 0;  // a second accumulator, so that additions overlap
  for (; n >= 16; n -= 16, p += 16) {
    sum = add_around(sum, load_raw<std::uint64_t>(p));
    other = add_around(other, load_raw<std::uint64_t>(p + 8));
  }
  if ((n & 8) != 0) {
    sum = add_around(sum, load_raw<std::uint64_t>(p));
    p += 8;
  }
  if (whole >= 8) {
    const std::size_t tail = n & 7;
    sum = add_around(sum, last_bytes(load_raw<std::uint64_t>(p + tail - 8), tail));
    return narrowed(sum) + narrowed(other);
  }
  other = narrowed(other);
  if ((n & 4) != 0) {
    other += load_raw<std::uint32_t>(p);
    p += 4;
  }
  if ((n & 2) != 0) {
    other += load_raw<std::uint16_t>(p);
    p += 2;
  }
  if ((n & 1) != 0) other += host_to_be(static_cast<std::uint16_t>(*p << 8));
  return narrowed(sum) + other;
}
[[nodiscard]] inline PartialSum sum_bytes(Bytes bytes, PartialSum sum = 0) noexcept {
  return sum_bytes(bytes.data(), bytes.size(), sum);
}

// Copies and adds in one pass; `to` may be `from`, or lie before it. A sum of the copy would wait for the stores, and
// of the source for its last patches.
[[nodiscard]] inline PartialSum copy_and_sum(std::uint8_t* to, const std::uint8_t* from, std::size_t n,
                                             PartialSum sum) noexcept {
  using detail::load_raw;
  const std::size_t whole = n;
  const auto last = n >= 8 ? load_raw<std::uint64_t>(from + n - 8) : 0;  // now: it may be written over below
  std::uint64_t other = 0;
  for (; n >= 16; n -= 16, to += 16, from += 16) {
    const auto a = load_raw<std::uint64_t>(from);
    const auto b = load_raw<std::uint64_t>(from + 8);
    detail::store_raw(to, a);
    detail::store_raw(to + 8, b);
    sum = add_around(sum, a);
    other = add_around(other, b);
  }
  if ((n & 8) != 0) {
    const auto v = load_raw<std::uint64_t>(from);
    detail::store_raw(to, v);
    sum = add_around(sum, v);
    from += 8;
    to += 8;
  }
  if (whole >= 8) {
    const std::size_t tail = n & 7;
    detail::store_raw(to + tail - 8, last);  // once more some that were copied already
    return narrowed(add_around(sum, last_bytes(last, tail))) + narrowed(other);
  }
  other = narrowed(other);
  if ((n & 4) != 0) {
    const auto v = load_raw<std::uint32_t>(from);
    detail::store_raw(to, v);
    other += v;
    from += 4;
    to += 4;
  }
  if ((n & 2) != 0) {
    const auto v = load_raw<std::uint16_t>(from);
    detail::store_raw(to, v);
    other += v;
    from += 2;
    to += 2;
  }
  if ((n & 1) != 0) {
    *to = *from;
    other += host_to_be(static_cast<std::uint16_t>(*from << 8));
  }
  return narrowed(sum) + other;
}

// The 16 bits in memory order. Halves are added by adding a number to itself turned by half its width: its upper half
// is then the sum, the carry out of the lower half included, and the carry out of the upper half is the same one.
[[nodiscard]] constexpr std::uint16_t fold(PartialSum sum) noexcept {
  const auto half = static_cast<std::uint32_t>((sum + std::rotl(sum, 32)) >> 32);
  return static_cast<std::uint16_t>((half + std::rotl(half, 16)) >> 16);
}

// What belongs in a checksum field after summing everything else (the field itself as zero).
[[nodiscard]] constexpr Be16 checksum(PartialSum sum) noexcept {
  return be16_from_raw(static_cast<std::uint16_t>(~fold(sum)));
}
// True where the sum covers its own checksum field and is right.
[[nodiscard]] constexpr bool checksum_holds(PartialSum sum) noexcept {
  return fold(sum) == 0xffff;
}

[[nodiscard]] constexpr PartialSum sum_word(std::uint16_t host_value) noexcept {
  return host_to_be(host_value);
}

// RFC 768, RFC 9293 section 3.1: addresses, protocol, length.
[[nodiscard]] inline PartialSum pseudo_v4(const std::uint8_t* source, const std::uint8_t* destination,
                                          std::uint8_t protocol, std::size_t length) noexcept {
  return PartialSum{detail::load_raw<std::uint32_t>(source)} + detail::load_raw<std::uint32_t>(destination) +
         sum_word(protocol) + sum_word(static_cast<std::uint16_t>(length));
}
// RFC 8200 section 8.1.
[[nodiscard]] inline PartialSum pseudo_v6(const std::uint8_t* source, const std::uint8_t* destination,
                                          std::uint8_t protocol, std::size_t length) noexcept {
  PartialSum sum = sum_word(protocol) + sum_word(static_cast<std::uint16_t>(length));
  sum = sum_bytes(source, 16, sum);
  return sum_bytes(destination, 16, sum);
}

// RFC 1624 equation 3: HC' = ~(~HC + ~m + m'), for one changed 16-bit word.
[[nodiscard]] constexpr Be16 checksum_update(Be16 old_checksum, Be16 old_word, Be16 new_word) noexcept {
  const PartialSum sum = PartialSum{static_cast<std::uint16_t>(~old_checksum.raw())} +
                         static_cast<std::uint16_t>(~old_word.raw()) + new_word.raw();
  return checksum(sum);
}

}  // namespace gl::wire
