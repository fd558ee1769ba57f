// Stage 3, part of ICMP: a router could not forward a packet of ours (RFC 792 and RFC 1191: type 3 code 4; RFC 4443
// and RFC 8201: type 2). The message quotes the packet, which must be one that we can have sent (RFC 5927): from this
// address, from a port with a service, and longer than the MTU it names; a segment has a sequence number that our
// cookie allows, a datagram is one that its service knows. Byte order: wire. Ownership: borrows. Thread: that core
// only. Outcomes: verdict.h.
#pragma once

#include <algorithm>
#include <optional>

#include "lib/datapath/frame.h"
#include "lib/datapath/sink.h"
#include "lib/datapath/verdict.h"
#include "lib/service/registry.h"
#include "lib/tcp/path_mtu.h"
#include "lib/tcp/responder.h"
#include "lib/wire/icmp.h"
#include "lib/wire/ipv4.h"
#include "lib/wire/ipv6.h"
#include "lib/wire/tcp.h"

namespace gl::datapath {

inline constexpr std::size_t kQuotedL4 = 8;       // all that RFC 792 asks routers to quote: UDP, or TCP's ports and SEQ
inline constexpr std::size_t kQuotedTcpAck = 12;  // and the acknowledgement, which those of RFC 1812 quote too

// What a router quotes, from the transport header on.
struct QuotedPacket {
  wire::IpProtocol protocol = wire::IpProtocol::tcp;  // or UDP
  Bytes l4;
  const std::uint8_t* client = nullptr;
  std::size_t length = 0;  // of the packet, before it was cut
};

[[nodiscard]] constexpr bool is_tcp_or_udp(std::uint8_t protocol) noexcept {
  return protocol == static_cast<std::uint8_t>(wire::IpProtocol::tcp) ||
         protocol == static_cast<std::uint8_t>(wire::IpProtocol::udp);
}

[[nodiscard]] inline std::optional<QuotedPacket> quoted_v4(Bytes quoted, const Packet& packet) noexcept {
  if (quoted.size() < sizeof(wire::Ipv4Header)) return std::nullopt;
  const auto& ip = *reinterpret_cast<const wire::Ipv4Header*>(quoted.data());
  const std::size_t header_length = ip.header_length();
  if (ip.version() != 4 || header_length < sizeof ip || quoted.size() < header_length + kQuotedL4) return std::nullopt;
  if (!is_tcp_or_udp(ip.protocol) || ip.is_fragment()) return std::nullopt;
  if (!std::equal(ip.source.bytes.begin(), ip.source.bytes.end(), packet.destination)) return std::nullopt;
  return QuotedPacket{static_cast<wire::IpProtocol>(ip.protocol), quoted.subspan(header_length),
                      ip.destination.bytes.data(), ip.total_length.host()};
}

// Our packets have no extension headers.
[[nodiscard]] inline std::optional<QuotedPacket> quoted_v6(Bytes quoted, const Packet& packet) noexcept {
  if (quoted.size() < sizeof(wire::Ipv6Header) + kQuotedL4) return std::nullopt;
  const auto& ip = *reinterpret_cast<const wire::Ipv6Header*>(quoted.data());
  if (ip.version() != 6 || !is_tcp_or_udp(ip.next_header)) return std::nullopt;
  if (!std::equal(ip.source.bytes.begin(), ip.source.bytes.end(), packet.destination)) return std::nullopt;
  return QuotedPacket{static_cast<wire::IpProtocol>(ip.next_header), quoted.subspan(sizeof ip),
                      ip.destination.bytes.data(), sizeof ip + std::size_t{ip.payload_length.host()}};
}

[[nodiscard]] inline bool segment_too_big(const Packet& packet, const QuotedPacket& quoted, std::uint16_t mtu,
                                          const Registry& services, tcp::Responder& responder) noexcept {
  const auto port = [&](std::size_t at) { return Be16(load_be<std::uint16_t>(quoted.l4.data() + at)); };
  if (services.stream(port(0).host()) == nullptr) return false;
  tcp::QuotedSegment segment;
  if (packet.v6) {
    segment.flow.set_v6(quoted.client, packet.destination, port(2), port(0));
  } else {
    segment.flow.set_v4(quoted.client, packet.destination, port(2), port(0));
  }
  segment.seq = wire::SeqNum(load_be<std::uint32_t>(quoted.l4.data() + 4));
  if (quoted.l4.size() >= kQuotedTcpAck) {
    segment.ack = wire::SeqNum(load_be<std::uint32_t>(quoted.l4.data() + 8));
  }
  return responder.too_big(segment, mtu);
}

// Nothing: the message was handed to the core whose datagram it was, or that has no room for it.
template <ReplySink Sink>
[[nodiscard]] std::optional<bool> datagram_too_big(const Packet& packet, const QuotedPacket& quoted, std::uint16_t mtu,
                                                   const Registry& services, tcp::Responder& responder,
                                                   Sink& sink) noexcept {
  const auto local_port = load_be<std::uint16_t>(quoted.l4.data());
  DatagramService* const service = services.datagram(local_port);
  if (service == nullptr) return false;
  const unsigned core = services.place().core;
  if (const unsigned owner = service->owner(local_port, core); owner != core) {
    return sink.hand_off(owner) ? std::nullopt : std::optional(false);
  }
  const Datagram to{.peer = quoted.client,
                    .local = packet.destination,
                    .address_length = static_cast<std::uint8_t>(packet.v6 ? 16 : 4),
                    .peer_port = load_be<std::uint16_t>(quoted.l4.data() + 2),
                    .local_port = local_port,
                    .path_mtu = mtu};
  if (!service->too_big(to)) return false;
  responder.learn_path_mtu(to.peer_address(), mtu);
  return true;
}

// `packet.payload` is the whole message, its checksum seen to be right. Learned: from now on packets there are smaller.
template <ReplySink Sink>
[[nodiscard]] Verdict too_big(const Packet& packet, const Registry& services, tcp::Responder& responder,
                              Sink& sink) noexcept {
  const Verdict invalid = packet.v6 ? Verdict::drop_icmpv6_too_big_invalid : Verdict::drop_icmp_too_big_invalid;
  const Verdict learned = packet.v6 ? Verdict::icmpv6_too_big_learned : Verdict::icmp_too_big_learned;
  const std::uint8_t* const message = packet.payload.data();
  const Bytes body = packet.payload.subspan(sizeof(wire::IcmpEcho));  // the headers have one length
  const std::uint32_t mtu = packet.v6 ? load_be<std::uint32_t>(message + 4) : load_be<std::uint16_t>(message + 6);
  const auto quoted = packet.v6 ? quoted_v6(body, packet) : quoted_v4(body, packet);
  if (!quoted || mtu >= quoted->length || (packet.v6 && mtu < tcp::kMinPathMtuV6)) return invalid;
  const std::uint32_t least = packet.v6 ? tcp::kMinPathMtuV6 : tcp::kMinPathMtuV4;  // what is less counts as this
  const auto mtu16 = static_cast<std::uint16_t>(std::clamp<std::uint32_t>(mtu, least, 0xffff));
  if (quoted->protocol == wire::IpProtocol::tcp) {
    return segment_too_big(packet, *quoted, mtu16, services, responder) ? learned : invalid;
  }
  const auto known = datagram_too_big(packet, *quoted, mtu16, services, responder, sink);
  if (!known) return Verdict::icmp_too_big_handed_off;
  return *known ? learned : invalid;
}

}  // namespace gl::datapath
