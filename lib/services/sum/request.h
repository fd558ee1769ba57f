// A list of integers in a datagram: a 16-bit count, then that many 32-bit integers; and their sum.
// Byte order: wire. Thread: pure functions. Errors: nothing where count and length do not agree.
// Source: Dordal, An Introduction to Computer Networks, "UDP Transport", section on network byte order.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "lib/base/bytes.h"
#include "lib/base/endian.h"

namespace gl::services {

inline constexpr std::size_t kSumCountSize = 2;
inline constexpr std::size_t kSumIntegerSize = 4;

struct IntegerList {
  std::uint16_t count = 0;
  std::uint32_t sum = 0;  // modulo 2^32, which is the same whether they have a sign or not
};

[[nodiscard]] inline std::optional<IntegerList> parse_integers(Bytes payload) noexcept {
  if (payload.size() < kSumCountSize) return std::nullopt;
  IntegerList list{load_be<std::uint16_t>(payload.data())};
  if (payload.size() != kSumCountSize + list.count * kSumIntegerSize) return std::nullopt;
  for (std::size_t at = kSumCountSize; at < payload.size(); at += kSumIntegerSize) {
    list.sum += load_be<std::uint32_t>(payload.data() + at);
  }
  return list;
}

}  // namespace gl::services
