// Stage 3, part of ICMP: a router could not forward a segment of ours (RFC 792 and RFC 1191: type 3 code 4; RFC 4443
// and RFC 8201: type 2). The message quotes the segment, which must be one that we can have sent (RFC 5927): from this
// address, from a port with a service, longer than the MTU it names, and with a sequence number that our cookie allows.
// Byte order: wire. Ownership: borrows. Thread: that core only. Outcomes: verdict.h.
#pragma once

#include <algorithm>
#include <optional>

#include "lib/datapath/frame.h"
#include "lib/service/registry.h"
#include "lib/tcp/path_mtu.h"
#include "lib/tcp/responder.h"
#include "lib/wire/icmp.h"
#include "lib/wire/ipv4.h"
#include "lib/wire/ipv6.h"
#include "lib/wire/tcp.h"

namespace gl::datapath {

inline constexpr std::size_t kQuotedTcp = 8;      // ports and sequence number: all that RFC 792 asks routers to quote
inline constexpr std::size_t kQuotedTcpAck = 12;  // and the acknowledgement, which those of RFC 1812 quote too

// The TCP header in a quoted packet, from there on.
struct QuotedPacket {
  Bytes tcp;
  const std::uint8_t* client = nullptr;
  std::size_t length = 0;  // of the packet, before it was cut
};

[[nodiscard]] inline std::optional<QuotedPacket> quoted_v4(Bytes quoted, const Packet& packet) noexcept {
  if (quoted.size() < sizeof(wire::Ipv4Header)) return std::nullopt;
  const auto& ip = *reinterpret_cast<const wire::Ipv4Header*>(quoted.data());
  const std::size_t header_length = ip.header_length();
  if (ip.version() != 4 || header_length < sizeof ip || quoted.size() < header_length + kQuotedTcp) return std::nullopt;
  if (ip.protocol != static_cast<std::uint8_t>(wire::IpProtocol::tcp) || ip.is_fragment()) return std::nullopt;
  if (!std::equal(ip.source.bytes.begin(), ip.source.bytes.end(), packet.destination)) return std::nullopt;
  return QuotedPacket{quoted.subspan(header_length), ip.destination.bytes.data(), ip.total_length.host()};
}

// Our segments have no extension headers.
[[nodiscard]] inline std::optional<QuotedPacket> quoted_v6(Bytes quoted, const Packet& packet) noexcept {
  if (quoted.size() < sizeof(wire::Ipv6Header) + kQuotedTcp) return std::nullopt;
  const auto& ip = *reinterpret_cast<const wire::Ipv6Header*>(quoted.data());
  if (ip.version() != 6 || ip.next_header != static_cast<std::uint8_t>(wire::IpProtocol::tcp)) return std::nullopt;
  if (!std::equal(ip.source.bytes.begin(), ip.source.bytes.end(), packet.destination)) return std::nullopt;
  return QuotedPacket{quoted.subspan(sizeof ip), ip.destination.bytes.data(),
                      sizeof ip + std::size_t{ip.payload_length.host()}};
}

// `packet.payload` is the whole message, its checksum seen to be right. True: from now on segments there are smaller.
[[nodiscard]] inline bool too_big(const Packet& packet, const Registry& services, tcp::Responder& responder) noexcept {
  const std::uint8_t* const message = packet.payload.data();
  const Bytes body = packet.payload.subspan(sizeof(wire::IcmpEcho));  // the headers have one length
  const std::uint32_t mtu = packet.v6 ? load_be<std::uint32_t>(message + 4) : load_be<std::uint16_t>(message + 6);
  const auto quoted = packet.v6 ? quoted_v6(body, packet) : quoted_v4(body, packet);
  if (!quoted || mtu >= quoted->length || (packet.v6 && mtu < tcp::kMinPathMtuV6)) return false;
  const auto port = [&](std::size_t at) { return Be16(load_be<std::uint16_t>(quoted->tcp.data() + at)); };
  if (services.stream(port(0).host()) == nullptr) return false;
  tcp::QuotedSegment segment;
  if (packet.v6) {
    segment.flow.set_v6(quoted->client, packet.destination, port(2), port(0));
  } else {
    segment.flow.set_v4(quoted->client, packet.destination, port(2), port(0));
  }
  segment.seq = wire::SeqNum(load_be<std::uint32_t>(quoted->tcp.data() + 4));
  if (quoted->tcp.size() >= kQuotedTcpAck) {
    segment.ack = wire::SeqNum(load_be<std::uint32_t>(quoted->tcp.data() + 8));
  }
  return responder.too_big(segment, static_cast<std::uint16_t>(mtu));
}

}  // namespace gl::datapath
