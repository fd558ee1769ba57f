// Domain names in wire form: reading, lower-casing, labels, hashing, canonical order.
// Byte order: wire. Ownership: Name holds its own copy, the functions borrow. Errors: false, nothing allocates.
// Source: RFC 1035 3.1, RFC 4343 (case), RFC 4034 6.1 (canonical order).
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>

#include "lib/base/bytes.h"
#include "lib/dns/types.h"

namespace gl::dns {

// Eight bytes to lower case at once. Length bytes are at most 63, below 'A', and so pass unchanged.
[[nodiscard]] constexpr std::uint64_t lower_case(std::uint64_t v) noexcept {
  constexpr std::uint64_t ones = 0x0101010101010101ULL;
  const std::uint64_t low7 = v & (0x7f * ones);
  const std::uint64_t from_a = low7 + (0x80 - 'A') * ones;          // bit 7 set where byte >= 'A'
  const std::uint64_t beyond_z = low7 + (0x80 - ('Z' + 1)) * ones;  // bit 7 set where byte > 'Z'
  const std::uint64_t upper = from_a & ~beyond_z & ~v & (0x80 * ones);
  return v | (upper >> 2);
}

// Copies `length` bytes in lower case; both sides have room up to the next multiple of eight, or not: no byte
// beyond `length` is read or written.
inline void copy_lower(std::uint8_t* to, const std::uint8_t* from, std::size_t length) noexcept {
  std::size_t i = 0;
  std::uint64_t v;
  for (; i + 8 <= length; i += 8) {
    std::memcpy(&v, from + i, 8);
    v = lower_case(v);
    std::memcpy(to + i, &v, 8);
  }
  if (i < length) {
    v = 0;
    std::memcpy(&v, from + i, length - i);
    v = lower_case(v);
    std::memcpy(to + i, &v, length - i);
  }
}

// The length of the uncompressed name at the front of `from`, its zero byte included; 0 where there is none: cut
// short, longer than 255 bytes, or with a compression pointer.
[[nodiscard]] inline std::size_t name_length(Bytes from) noexcept {
  const std::size_t limit = std::min(from.size(), kMaxName);
  std::size_t at = 0;
  while (at < limit) {
    const std::size_t label = from[at];
    if (label == 0) return at + 1;
    if (label > kMaxLabel) return 0;
    at += 1 + label;
  }
  return 0;
}

// A name in lower case and where its labels begin. The tail of `bytes` stays zero up to the next eight bytes.
struct Name {
  std::array<std::uint8_t, kMaxName + 1 + 16> bytes;
  std::array<std::uint8_t, kMaxLabels + 1> label_at;  // [labels] is where the root's zero byte lies
  std::uint8_t length = 0;                            // 1 to 255
  std::uint8_t labels = 0;                            // the root has none

  // Takes the uncompressed name at the front of `from`. False: there is none, and this one is unspecified.
  [[nodiscard]] bool parse(Bytes from) noexcept {
    const std::size_t limit = std::min(from.size(), kMaxName);
    std::size_t at = 0;
    std::size_t count = 0;
    while (true) {
      if (at >= limit) return false;
      const std::size_t label = from[at];
      label_at[count] = static_cast<std::uint8_t>(at);
      if (label == 0) break;
      if (label > kMaxLabel) return false;
      ++count;
      at += 1 + label;
    }
    length = static_cast<std::uint8_t>(at + 1);
    labels = static_cast<std::uint8_t>(count);
    fill(from, true);
    return true;
  }

  // A copy of only what is used of it.
  void assign(const Name& other) noexcept {
    length = other.length;
    fill(other.bytes, false);
    for (std::size_t i = 0; i <= other.labels; ++i) label_at[i] = other.label_at[i];
    labels =
        other.labels;  // not beside `length`: the two would be read as one word, right after they were written as two
  }

  // The ancestor with `count` labels (0: the root), as bytes of this name.
  [[nodiscard]] Bytes suffix(std::size_t count) const noexcept {
    const std::size_t at = label_at[labels - count];
    return {bytes.data() + at, length - at};
  }
  [[nodiscard]] Bytes view() const noexcept { return {bytes.data(), length}; }

 private:
  // `length` bytes and the zeros behind, in whole words: the hash reads words, and would wait for smaller stores.
  // In a message more bytes follow, and then the last word needs no branch on how much of it is the name.
  void fill(Bytes from, bool lower) noexcept {
    std::uint64_t v;
    std::size_t at = 0;
    for (; at + 8 <= length; at += 8) {
      std::memcpy(&v, from.data() + at, 8);
      if (lower) v = lower_case(v);
      std::memcpy(bytes.data() + at, &v, 8);
    }
    if (from.size() - at >= 8) [[likely]] {
      std::memcpy(&v, from.data() + at, 8);
      v &= (std::uint64_t{1} << 8 * (length - at)) - 1;
    } else {
      v = 0;
      for (std::size_t i = length; i-- > at;) v = v << 8 | from[i];
    }
    if (lower) v = lower_case(v);
    std::memcpy(bytes.data() + at, &v, 8);
    std::memset(bytes.data() + at + 8, 0, 8);
  }
};

// Hash of a name, built from its last label to its first, so that every ancestor's hash falls out on the way.
// Not keyed: what is looked up comes from off-path senders, but what is stored only from zone files.
namespace name_hash {
inline constexpr std::uint64_t root = 0x9e3779b97f4a7c15ULL;

[[nodiscard]] inline std::uint64_t mix(std::uint64_t a, std::uint64_t b) noexcept {
  __extension__ using Wide = unsigned __int128;
  const Wide product = static_cast<Wide>(a) * b;
  return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64);
}

// `label` points at the length byte; up to 7 bytes after the label may be read, and do not count.
[[nodiscard]] inline std::uint64_t add_label(std::uint64_t hash, const std::uint8_t* label) noexcept {
  std::size_t left = 1U + *label;
  while (true) {
    std::uint64_t v;
    std::memcpy(&v, label, 8);
    if (left < 8) {
      v &= (std::uint64_t{1} << (8 * left)) - 1;
      left = 8;
    }
    hash = mix(hash ^ v, 0xd6e8feb86659fd93ULL);
    if (left <= 8) return hash;
    label += 8;
    left -= 8;
  }
}
}  // namespace name_hash

// A key whose byte order is the names' canonical order: labels from the root on, each ended by a zero byte; 0 and 1
// within a label become two bytes. Returns the length; `to` has room for kMaxOrderKey.
inline constexpr std::size_t kMaxOrderKey = 2 * kMaxName;
[[nodiscard]] inline std::size_t order_key(const Name& name, std::uint8_t* to) noexcept {
  std::uint8_t* const begin = to;
  for (std::size_t i = name.labels; i-- > 0;) {
    const std::uint8_t* label = name.bytes.data() + name.label_at[i];
    for (std::size_t n = *label++; n > 0; --n, ++label) {
      if (*label <= 1) {
        *to++ = 1;
        *to++ = static_cast<std::uint8_t>(*label + 1);
      } else {
        *to++ = *label;
      }
    }
    *to++ = 0;
  }
  return static_cast<std::size_t>(to - begin);
}

// Canonical order of two names in lower case: < 0, 0, > 0.
[[nodiscard]] inline int compare_canonical(const Name& a, const Name& b) noexcept {
  std::uint8_t ka[kMaxOrderKey];
  std::uint8_t kb[kMaxOrderKey];
  const std::size_t la = order_key(a, ka);
  const std::size_t lb = order_key(b, kb);
  const int order = std::memcmp(ka, kb, std::min(la, lb));
  return order != 0 ? order : static_cast<int>(la) - static_cast<int>(lb);
}

}  // namespace gl::dns
