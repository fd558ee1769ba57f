// Link and network addresses as values. Byte order: as on the wire. Thread: plain values.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <variant>

#include "lib/base/bytes.h"

namespace gl::wire {

namespace detail {
// Equality a word at a time: comparing the arrays themselves calls memcmp, which was a fifth of a frame's time.
template <class Words, class ByteArray>
[[nodiscard]] constexpr bool same_words(const ByteArray& a, const ByteArray& b) noexcept {
  const auto x = std::bit_cast<Words>(a);
  const auto y = std::bit_cast<Words>(b);
  typename Words::value_type difference = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    difference = static_cast<typename Words::value_type>(difference | (x[i] ^ y[i]));
  }
  return difference == 0;
}
}  // namespace detail

struct MacAddress {
  std::array<std::uint8_t, 6> bytes{};
  [[nodiscard]] constexpr bool is_multicast() const noexcept { return (bytes[0] & 1) != 0; }
  friend constexpr bool operator==(const MacAddress& a, const MacAddress& b) noexcept {
    return detail::same_words<std::array<std::uint16_t, 3>>(a.bytes, b.bytes);
  }
};
inline constexpr MacAddress kBroadcastMac{{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}};

struct Ipv4Address {
  std::array<std::uint8_t, 4> bytes{};
  [[nodiscard]] constexpr bool is_unspecified() const noexcept { return *this == Ipv4Address{}; }
  [[nodiscard]] constexpr bool is_multicast() const noexcept { return (bytes[0] & 0xf0) == 0xe0; }
  [[nodiscard]] constexpr bool is_broadcast() const noexcept { return *this == Ipv4Address{{255, 255, 255, 255}}; }
  friend constexpr bool operator==(const Ipv4Address& a, const Ipv4Address& b) noexcept {
    return detail::same_words<std::array<std::uint32_t, 1>>(a.bytes, b.bytes);
  }
};

struct Ipv6Address {
  std::array<std::uint8_t, 16> bytes{};
  [[nodiscard]] constexpr bool is_unspecified() const noexcept { return *this == Ipv6Address{}; }
  [[nodiscard]] constexpr bool is_multicast() const noexcept { return bytes[0] == 0xff; }
  // RFC 4291 section 2.5.5.2: ::ffff:0:0/96.
  [[nodiscard]] constexpr bool is_ipv4_mapped() const noexcept {
    for (std::size_t i = 0; i < 10; ++i) {
      if (bytes[i] != 0) return false;
    }
    return bytes[10] == 0xff && bytes[11] == 0xff;
  }
  // RFC 4291 section 2.7.1: ff02::1:ffXX:XXXX with the low 24 bits of the address.
  [[nodiscard]] constexpr Ipv6Address solicited_node() const noexcept {
    return {{0xff, 0x02, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0xff, bytes[13], bytes[14], bytes[15]}};
  }
  // RFC 2464 section 7: 33:33 and the low 32 bits.
  [[nodiscard]] constexpr MacAddress multicast_mac() const noexcept {
    return {{0x33, 0x33, bytes[12], bytes[13], bytes[14], bytes[15]}};
  }
  friend constexpr bool operator==(const Ipv6Address& a, const Ipv6Address& b) noexcept {
    return detail::same_words<std::array<std::uint64_t, 2>>(a.bytes, b.bytes);
  }
};
inline constexpr Ipv6Address kAllNodes{{0xff, 0x02, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}};

using IpAddress = std::variant<Ipv4Address, Ipv6Address>;

[[nodiscard]] inline bool is_v6(const IpAddress& address) noexcept {
  return std::holds_alternative<Ipv6Address>(address);
}
// Its 4 or 16 bytes; a view of `address`.
[[nodiscard]] inline Bytes bytes_of(const IpAddress& address) noexcept {
  return std::visit([](const auto& a) { return Bytes(a.bytes); }, address);
}

static_assert(sizeof(MacAddress) == 6 && sizeof(Ipv4Address) == 4 && sizeof(Ipv6Address) == 16);

}  // namespace gl::wire
