// SipHash-2-4 in pieces, inlined: of inputs of some tens of bytes libsodium's call costs as much as its rounds.
// Byte order: the input as it lies; the results are host integers. Ownership: a plain value. Thread: any. Errors: none.
// Source: Aumasson and Bernstein, "SipHash: a fast short-input PRF" (2012); the same results as libsodium's.
#pragma once

#include <array>
#include <bit>
#include <cstdint>
#include <cstring>

#include "lib/base/bytes.h"

namespace gl {

using SipHashKey = std::array<std::uint8_t, 16>;

// kWords: of the result, 1 or 2 times 64 bits.
template <unsigned kWords>
class SipHash {
  static_assert(kWords == 1 || kWords == 2);
  static_assert(std::endian::native == std::endian::little);

 public:
  explicit SipHash(const SipHashKey& key) noexcept {
    const std::uint64_t k0 = load(key.data());
    const std::uint64_t k1 = load(key.data() + 8);
    v0_ = k0 ^ 0x736f6d6570736575;
    v1_ = k1 ^ 0x646f72616e646f6d ^ (kWords == 2 ? 0xee : 0);
    v2_ = k0 ^ 0x6c7967656e657261;
    v3_ = k1 ^ 0x7465646279746573;
  }

  void add(Bytes data) noexcept {
    const std::uint8_t* at = data.data();
    std::size_t left = data.size();
    for (; left >= 8; left -= 8, at += 8) add_bytes(load(at), 8);
    if (left == 0) return;
    std::uint64_t last = 0;
    for (std::size_t i = left; i-- > 0;) last = last << 8 | at[i];
    add_bytes(last, static_cast<unsigned>(left));
  }
  void add(std::uint64_t word) noexcept { add_bytes(word, 8); }
  void add(std::uint32_t word) noexcept { add_bytes(word, 4); }

  [[nodiscard]] std::array<std::uint64_t, kWords> finish() noexcept {
    compress(tail_ | length_ << 56);
    std::array<std::uint64_t, kWords> result;
    v2_ ^= kWords == 2 ? 0xee : 0xff;
    result[0] = four_rounds();
    if constexpr (kWords == 2) {
      v1_ ^= 0xdd;
      result[1] = four_rounds();
    }
    return result;
  }

 private:
  static std::uint64_t load(const std::uint8_t* at) noexcept {
    std::uint64_t word;
    std::memcpy(&word, at, sizeof word);
    return word;
  }
  // The lowest `count` of eight bytes, the others zero.
  [[gnu::always_inline]] void add_bytes(std::uint64_t bytes, unsigned count) noexcept {
    const auto kept = static_cast<unsigned>(length_ % 8);
    length_ += count;
    tail_ |= bytes << 8 * kept;
    if (kept + count < 8) return;
    compress(tail_);
    tail_ = kept == 0 ? 0 : bytes >> (64 - 8 * kept);
  }
  [[gnu::always_inline]] void compress(std::uint64_t word) noexcept {
    v3_ ^= word;
    round();
    round();
    v0_ ^= word;
  }
  [[gnu::always_inline]] std::uint64_t four_rounds() noexcept {
    for (int i = 0; i < 4; ++i) round();
    return v0_ ^ v1_ ^ v2_ ^ v3_;
  }
  [[gnu::always_inline]] void round() noexcept {
    v0_ += v1_;
    v2_ += v3_;
    v1_ = std::rotl(v1_, 13) ^ v0_;
    v3_ = std::rotl(v3_, 16) ^ v2_;
    v0_ = std::rotl(v0_, 32);
    v2_ += v1_;
    v0_ += v3_;
    v1_ = std::rotl(v1_, 17) ^ v2_;
    v3_ = std::rotl(v3_, 21) ^ v0_;
    v2_ = std::rotl(v2_, 32);
  }

  std::uint64_t v0_, v1_, v2_, v3_;
  std::uint64_t tail_ = 0;    // what does not fill a word yet
  std::uint64_t length_ = 0;  // bytes
};

}  // namespace gl
