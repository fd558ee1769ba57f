// Messages of routers that a packet of ours was too big, for the flow of kClient to port 53, as Harness signs it.
// Byte order: wire. Ownership: values. Thread: plain functions.
#pragma once

#include "lib/tcp/cookie.h"
#include "tests/unit/frame_builder.h"

namespace gl::test {

inline constexpr wire::Ipv4Address kRouter4{{192, 0, 2, 254}};
inline constexpr wire::Ipv6Address kRouter6{{0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xfe}};
inline constexpr unsigned kQuotedPort = 40000;

inline std::uint32_t our_isn(const tcp::FlowKey& flow) {
  tcp::CookieKeys keys;
  keys.by_parity[0].fill(7);
  return make_isn(keys, flow, 5, std::nullopt).value();
}
inline std::uint32_t our_isn4() {
  return our_isn(tcp::FlowKey::v4(kClient4.bytes.data(), kOurs4.bytes.data(), Be16(kQuotedPort), Be16(53)));
}
inline std::uint32_t our_isn6() {
  return our_isn(tcp::FlowKey::v6(kClient6.bytes.data(), kOurs6.bytes.data(), Be16(kQuotedPort), Be16(53)));
}

// The first bytes of a packet of `length` bytes from us: its IP header and 8 bytes of TCP.
inline Buffer quoted4(unsigned length, std::uint32_t seq, unsigned from_port = 53) {
  const Ipv4 ip{.from = kOurs4, .to = kClient4, .protocol = 6};
  Buffer packet = first_of(ip(Tcp{.from = from_port, .to = kQuotedPort, .seq = seq}()), 28);
  packet[2] = static_cast<std::uint8_t>(length >> 8);
  packet[3] = static_cast<std::uint8_t>(length);
  return packet;
}
inline Buffer quoted6(unsigned length, std::uint32_t seq, unsigned from_port = 53) {
  const Ipv6 ip{.from = kOurs6, .to = kClient6, .protocol = 6};
  Buffer packet = first_of(ip(Tcp{.from = from_port, .to = kQuotedPort, .seq = seq}()), 48);
  packet[4] = static_cast<std::uint8_t>((length - 40) >> 8);
  packet[5] = static_cast<std::uint8_t>(length - 40);
  return packet;
}

// The same of a datagram from `from_port` of ours to kQuotedPort.
inline Buffer quoted_datagram4(unsigned length, unsigned from_port) {
  const Ipv4 ip{.from = kOurs4, .to = kClient4, .protocol = 17};
  Buffer packet = first_of(ip(Tcp{.from = from_port, .to = kQuotedPort}()), 28);
  packet[2] = static_cast<std::uint8_t>(length >> 8);
  packet[3] = static_cast<std::uint8_t>(length);
  return packet;
}
inline Buffer quoted_datagram6(unsigned length, unsigned from_port) {
  const Ipv6 ip{.from = kOurs6, .to = kClient6, .protocol = 17};
  Buffer packet = first_of(ip(Tcp{.from = from_port, .to = kQuotedPort}()), 48);
  packet[4] = static_cast<std::uint8_t>((length - 40) >> 8);
  packet[5] = static_cast<std::uint8_t>(length - 40);
  return packet;
}

inline Buffer too_big4(const Buffer& quoted, unsigned mtu) {
  Buffer message = {3, 4, 0, 0, 0, 0};
  put16(message, mtu);
  return eth().ipv4({.from = kRouter4}).icmp(message + quoted);
}
inline Buffer too_big6(const Buffer& quoted, std::uint32_t mtu) {
  Buffer message = {2, 0, 0, 0};
  put32(message, mtu);
  return eth().ipv6({.from = kRouter6}).icmp(message + quoted);
}

}  // namespace gl::test
