// Big-endian integers as they lie on the wire, converted only where the code says so.
// Byte order: big-endian in memory, host order through host(). Alignment 1, so wire headers have no padding.
// Thread: plain values.
#pragma once

#include <bit>
#include <concepts>
#include <cstdint>
#include <cstring>

namespace gl {

namespace detail {
constexpr std::uint16_t swap(std::uint16_t v) noexcept {
  return __builtin_bswap16(v);
}
constexpr std::uint32_t swap(std::uint32_t v) noexcept {
  return __builtin_bswap32(v);
}
constexpr std::uint64_t swap(std::uint64_t v) noexcept {
  return __builtin_bswap64(v);
}
}  // namespace detail

template <std::unsigned_integral T>
constexpr T host_to_be(T v) noexcept {
  if constexpr (std::endian::native == std::endian::little) return detail::swap(v);
  return v;
}

// One big-endian field. There is no implicit conversion either way: arithmetic needs host().
template <std::unsigned_integral T>
class BigEndian {
 public:
  constexpr BigEndian() noexcept = default;
  constexpr explicit BigEndian(T host_value) noexcept : raw_(std::bit_cast<Raw>(host_to_be(host_value))) {}

  [[nodiscard]] constexpr T host() const noexcept { return host_to_be(std::bit_cast<T>(raw_)); }
  // The bytes as they are, for table keys and checksums where order does not matter.
  [[nodiscard]] constexpr T raw() const noexcept { return std::bit_cast<T>(raw_); }

  friend constexpr bool operator==(const BigEndian&, const BigEndian&) noexcept = default;

 private:
  struct Raw {
    std::uint8_t byte[sizeof(T)];
    friend constexpr bool operator==(const Raw&, const Raw&) noexcept = default;
  };
  Raw raw_{};
};

using Be16 = BigEndian<std::uint16_t>;
using Be32 = BigEndian<std::uint32_t>;
using Be64 = BigEndian<std::uint64_t>;

static_assert(sizeof(Be16) == 2 && alignof(Be16) == 1);
static_assert(sizeof(Be32) == 4 && alignof(Be32) == 1);
static_assert(sizeof(Be64) == 8 && alignof(Be64) == 1);

// Reads and writes in a byte buffer; the caller has checked the length.
template <std::unsigned_integral T>
[[nodiscard]] inline T load_be(const std::uint8_t* at) noexcept {
  T v;
  std::memcpy(&v, at, sizeof v);
  return host_to_be(v);
}
template <std::unsigned_integral T>
inline void store_be(std::uint8_t* at, T value) noexcept {
  const T v = host_to_be(value);
  std::memcpy(at, &v, sizeof v);
}

}  // namespace gl
