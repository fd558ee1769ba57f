// Link and network addresses as values. Byte order: as on the wire. Thread: plain values.
#pragma once

#include <array>
#include <cstdint>
#include <cstring>
#include <variant>

namespace gl::wire {

struct MacAddress {
  std::array<std::uint8_t, 6> bytes{};
  [[nodiscard]] constexpr bool is_multicast() const noexcept { return (bytes[0] & 1) != 0; }
  friend constexpr bool operator==(const MacAddress&, const MacAddress&) noexcept = default;
};
inline constexpr MacAddress kBroadcastMac{{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}};

struct Ipv4Address {
  std::array<std::uint8_t, 4> bytes{};
  [[nodiscard]] constexpr bool is_unspecified() const noexcept { return *this == Ipv4Address{}; }
  [[nodiscard]] constexpr bool is_multicast() const noexcept { return (bytes[0] & 0xf0) == 0xe0; }
  [[nodiscard]] constexpr bool is_broadcast() const noexcept { return *this == Ipv4Address{{255, 255, 255, 255}}; }
  friend constexpr bool operator==(const Ipv4Address&, const Ipv4Address&) noexcept = default;
};

struct Ipv6Address {
  std::array<std::uint8_t, 16> bytes{};
  [[nodiscard]] constexpr bool is_unspecified() const noexcept { return *this == Ipv6Address{}; }
  [[nodiscard]] constexpr bool is_multicast() const noexcept { return bytes[0] == 0xff; }
  // RFC 4291 section 2.7.1: ff02::1:ffXX:XXXX with the low 24 bits of the address.
  [[nodiscard]] constexpr Ipv6Address solicited_node() const noexcept {
    return {{0xff, 0x02, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0xff, bytes[13], bytes[14], bytes[15]}};
  }
  // RFC 2464 section 7: 33:33 and the low 32 bits.
  [[nodiscard]] constexpr MacAddress multicast_mac() const noexcept {
    return {{0x33, 0x33, bytes[12], bytes[13], bytes[14], bytes[15]}};
  }
  friend constexpr bool operator==(const Ipv6Address&, const Ipv6Address&) noexcept = default;
};
inline constexpr Ipv6Address kAllNodes{{0xff, 0x02, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}};

using IpAddress = std::variant<Ipv4Address, Ipv6Address>;

static_assert(sizeof(MacAddress) == 6 && sizeof(Ipv4Address) == 4 && sizeof(Ipv6Address) == 16);

}  // namespace gl::wire
