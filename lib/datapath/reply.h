// Replies: the headers below layer 4 written in place of the request's, and the checksums, by the port or here.
// IPv4: DF and identification 0 (RFC 6864 section 4.1), no options; IPv6: flow label 0, no extension headers. Traffic
// class 0: a client's ECN and DSCP bits are not ours to send. Nothing is ever fragmented. Byte order: wire. Ownership:
// writes the frame's buffer. Thread: pure functions.
#pragma once

#include <cstddef>
#include <cstdint>

#include "lib/datapath/ethernet.h"
#include "lib/datapath/frame.h"
#include "lib/datapath/interface.h"
#include "lib/wire/checksum.h"
#include "lib/wire/ipv4.h"
#include "lib/wire/ipv6.h"

namespace gl::datapath {

inline constexpr std::uint8_t kReplyHopLimit = 64;

// The header is one of write_reply_ipv4()'s. Its sum is taken over values, not over the bytes: those were written in
// small pieces a moment ago, and wide loads would wait until the stores have left the store buffer.
inline void set_ipv4_length(std::uint8_t* l3, std::size_t l4_length, bool checksum_by_port) noexcept {
  auto& header = *reinterpret_cast<wire::Ipv4Header*>(l3);
  const auto total_length = static_cast<std::uint16_t>(sizeof header + l4_length);
  header.total_length = Be16(total_length);
  header.checksum = Be16(0);
  if (checksum_by_port) return;
  const auto ttl_protocol = static_cast<std::uint16_t>(header.ttl << 8 | header.protocol);
  header.checksum = wire::checksum(wire::pseudo_v4(header.source.bytes.data(), header.destination.bytes.data(), 0, 0) +
                                   wire::sum_word(0x4500) + wire::sum_word(total_length) +
                                   wire::sum_word(wire::Ipv4Header::kDontFragment) + wire::sum_word(ttl_protocol));
}

// The whole IPv4 header of a reply, turned around. Its words are summed while they are in registers: a sum over memory
// that was just written in smaller pieces would wait for every piece.
inline void write_reply_ipv4(std::uint8_t* l3, wire::IpProtocol protocol, std::uint8_t hop_limit, std::size_t l4_length,
                             bool checksum_by_port) noexcept {
  const auto client = wire::detail::load_raw<std::uint32_t>(l3 + 12);
  const auto server = wire::detail::load_raw<std::uint32_t>(l3 + 16);
  const std::uint32_t version_length = host_to_be(static_cast<std::uint32_t>(0x45000000u + 20u + l4_length));
  const std::uint32_t fragment = host_to_be<std::uint32_t>(wire::Ipv4Header::kDontFragment);
  const std::uint32_t hop_protocol =
      host_to_be(std::uint32_t{hop_limit} << 24 | static_cast<std::uint32_t>(protocol) << 16);
  const wire::PartialSum sum = wire::PartialSum{version_length} + fragment + hop_protocol + client + server;
  const std::uint16_t checksum = checksum_by_port ? std::uint16_t{0} : wire::checksum(sum).raw();
  wire::detail::store_raw(l3, version_length);
  wire::detail::store_raw(l3 + 4, fragment);
  wire::detail::store_raw(l3 + 8, hop_protocol);
  wire::detail::store_raw(l3 + 10, checksum);
  wire::detail::store_raw(l3 + 12, server);
  wire::detail::store_raw(l3 + 16, client);
}

// The length of what follows, into an IP header that is otherwise ready.
inline void set_ip_length(std::uint8_t* l3, bool v6, std::size_t l4_length, const Interface& interface) noexcept {
  if (v6) {
    reinterpret_cast<wire::Ipv6Header*>(l3)->payload_length = Be16(static_cast<std::uint16_t>(l4_length));
  } else {
    set_ipv4_length(l3, l4_length, interface.tx_ipv4_checksum);
  }
}

// The whole IPv6 header of a reply, turned around.
inline void write_reply_ipv6(std::uint8_t* l3, wire::IpProtocol protocol, std::uint8_t hop_limit,
                             std::size_t l4_length) noexcept {
  auto& header = *reinterpret_cast<wire::Ipv6Header*>(l3);
  header.version_class_flow = Be32(0x60000000);
  header.payload_length = Be16(static_cast<std::uint16_t>(l4_length));
  header.next_header = static_cast<std::uint8_t>(protocol);
  header.hop_limit = hop_limit;
  const wire::Ipv6Address client = header.source;
  header.source = header.destination;
  header.destination = client;
}

// Ethernet and IP of a reply to `packet`, in place, and the frame's new length.
inline void write_reply_headers(Frame& frame, const Packet& packet, const Interface& interface,
                                wire::IpProtocol protocol, std::size_t l4_length) noexcept {
  std::uint8_t* const l3 = frame.data + packet.l2_length;
  reply_ethernet(frame.data, interface);
  if (packet.v6) {
    write_reply_ipv6(l3, protocol, kReplyHopLimit, l4_length);
  } else {
    write_reply_ipv4(l3, protocol, kReplyHopLimit, l4_length, interface.tx_ipv4_checksum);
  }
  frame.length = packet.reply_l4_offset() + l4_length;
  frame.tx.v6 = packet.v6;
  frame.tx.l2_length = static_cast<std::uint8_t>(packet.l2_length);
  frame.tx.l3_length = static_cast<std::uint8_t>(packet.reply_l3_length());
  frame.tx.ipv4_checksum = !packet.v6 && interface.tx_ipv4_checksum;
}

[[nodiscard]] inline wire::PartialSum pseudo_header(const std::uint8_t* l3, bool v6, wire::IpProtocol protocol,
                                                    std::size_t l4_length) noexcept {
  const auto number = static_cast<std::uint8_t>(protocol);
  if (v6) {
    const auto& header = *reinterpret_cast<const wire::Ipv6Header*>(l3);
    return wire::pseudo_v6(header.source.bytes.data(), header.destination.bytes.data(), number, l4_length);
  }
  const auto& header = *reinterpret_cast<const wire::Ipv4Header*>(l3);
  return wire::pseudo_v4(header.source.bytes.data(), header.destination.bytes.data(), number, l4_length);
}

// The layer 4 checksum of the first `length` bytes of a received packet's payload.
[[nodiscard]] inline bool l4_checksum_holds(const Packet& packet, std::size_t length) noexcept {
  const auto pseudo = packet.v6 ? wire::pseudo_v6(packet.source, packet.destination, packet.protocol, length)
                                : wire::pseudo_v4(packet.source, packet.destination, packet.protocol, length);
  return wire::checksum_holds(wire::sum_bytes(packet.payload.first(length), pseudo));
}
[[nodiscard]] inline bool l4_checksum_holds(const Packet& packet) noexcept {
  return l4_checksum_holds(packet, packet.payload.size());
}

}  // namespace gl::datapath
