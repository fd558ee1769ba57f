// A UDP datagram of our own: the headers in front of a payload that is in place already. As replies have them
// (reply.h): IPv4 with DF and identification 0, IPv6 without flow label, hop limit 64, checksums by the port or here.
// Byte order: addresses and payload as on the wire, ports host. Ownership: writes the frame's buffer. Thread: pure
// functions. Errors: none: the payload fits the MTU (largest_datagram()). Sources: RFC 768, RFC 8200 section 8.1.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "lib/datapath/neighbour_probe.h"
#include "lib/service/datagram_service.h"
#include "lib/wire/udp.h"

namespace gl::datapath {

struct DatagramEnds {
  wire::MacAddress to;
  wire::IpAddress source;
  wire::IpAddress destination;  // of the same family
  std::uint16_t source_port = 0;
  std::uint16_t destination_port = 0;
};

// Where the payload begins.
[[nodiscard]] inline std::size_t datagram_payload_at(bool v6) noexcept {
  return sizeof(wire::EthernetHeader) + (v6 ? sizeof(wire::Ipv6Header) : sizeof(wire::Ipv4Header)) +
         sizeof(wire::UdpHeader);
}
// Bytes of payload that fit one frame.
[[nodiscard]] inline std::size_t largest_datagram(const Interface& interface, bool v6) noexcept {
  return sizeof(wire::EthernetHeader) + interface.mtu - datagram_payload_at(v6);
}

namespace detail {
inline void write_ip(std::uint8_t* l3, const DatagramEnds& ends, std::size_t l4_length,
                     const Interface& interface) noexcept {
  constexpr auto kUdp = static_cast<std::uint8_t>(wire::IpProtocol::udp);
  if (const auto* const source = std::get_if<wire::Ipv6Address>(&ends.source)) {
    *reinterpret_cast<wire::Ipv6Header*>(l3) = {
        Be32(0x60000000), Be16(static_cast<std::uint16_t>(l4_length)),       kUdp, kReplyHopLimit,
        *source,          *std::get_if<wire::Ipv6Address>(&ends.destination)};
    return;
  }
  *reinterpret_cast<wire::Ipv4Header*>(l3) = {0x45,
                                              0,
                                              Be16(0),
                                              Be16(0),
                                              Be16(wire::Ipv4Header::kDontFragment),
                                              kReplyHopLimit,
                                              kUdp,
                                              Be16(0),
                                              *std::get_if<wire::Ipv4Address>(&ends.source),
                                              *std::get_if<wire::Ipv4Address>(&ends.destination)};
  set_ipv4_length(l3, l4_length, interface.tx_ipv4_checksum);
}
}  // namespace detail

namespace detail {
// UDP behind the IP header at `l3`, and the frame's length and what the port is to do.
inline void finish_datagram(Frame& frame, const Interface& interface, const DatagramEnds& ends, std::size_t l2_length,
                            std::size_t payload_length) noexcept {
  const bool v6 = wire::is_v6(ends.source);
  const std::size_t l4_length = sizeof(wire::UdpHeader) + payload_length;
  std::uint8_t* const l3 = frame.data + l2_length;
  std::uint8_t* const l4 = l3 + (v6 ? sizeof(wire::Ipv6Header) : sizeof(wire::Ipv4Header));
  write_ip(l3, ends, l4_length, interface);
  auto& header = *reinterpret_cast<wire::UdpHeader*>(l4);
  header = {Be16(ends.source_port), Be16(ends.destination_port), Be16(static_cast<std::uint16_t>(l4_length)), Be16(0)};
  frame.length = static_cast<std::size_t>(l4 - frame.data) + l4_length;
  frame.tx = {};
  frame.tx.v6 = v6;
  frame.tx.l2_length = static_cast<std::uint8_t>(l2_length);
  frame.tx.l3_length = static_cast<std::uint8_t>(l4 - l3);
  frame.tx.ipv4_checksum = !v6 && interface.tx_ipv4_checksum;
  const auto pseudo = pseudo_header(l3, v6, wire::IpProtocol::udp, l4_length);
  if (interface.tx_udp_checksum) {
    header.checksum = wire::be16_from_raw(wire::fold(pseudo));
    frame.tx.layer4 = TxOffload::Layer4::udp;
    return;
  }
  header.checksum = wire::checksum(wire::sum_bytes(l4, l4_length, pseudo));
  if (header.checksum == Be16(0)) header.checksum = Be16(0xffff);  // zero would say that there is none
}
}  // namespace detail

// `frame.data` has room for the headers in front of the payload; sets the frame's length and what the port is to do.
inline void write_datagram(Frame& frame, const Interface& interface, const DatagramEnds& ends,
                           std::size_t payload_length) noexcept {
  const bool v6 = wire::is_v6(ends.source);
  write_ethernet(frame.data, ends.to, interface, v6 ? wire::EtherType::ipv6 : wire::EtherType::ipv4);
  detail::finish_datagram(frame, interface, ends, sizeof(wire::EthernetHeader), payload_length);
}

// Where the payload to `peer` begins, and how long it may be.
[[nodiscard]] inline std::size_t datagram_payload_at(const Peer& peer) noexcept {
  return peer.link_header_length + datagram_payload_at(peer.address_length == 16) - sizeof(wire::EthernetHeader);
}
[[nodiscard]] inline std::size_t largest_datagram(const Interface& interface, const Peer& peer) noexcept {
  return peer.link_header_length + interface.mtu - datagram_payload_at(peer);
}

// The same to whoever has sent us one, by the way that it came.
inline void write_datagram(Frame& frame, const Interface& interface, const Peer& peer, std::uint16_t from_port,
                           std::size_t payload_length) noexcept {
  const auto address = [&](const std::array<std::uint8_t, 16>& bytes) -> wire::IpAddress {
    if (peer.address_length == 16) return wire::Ipv6Address{bytes};
    return wire::Ipv4Address{{bytes[0], bytes[1], bytes[2], bytes[3]}};
  };
  std::memcpy(frame.data, peer.link_header.data(), peer.link_header_length);
  reply_ethernet(frame.data, interface);
  const DatagramEnds ends{{}, address(peer.local_address), address(peer.address), from_port, peer.port};
  detail::finish_datagram(frame, interface, ends, peer.link_header_length, payload_length);
}

}  // namespace gl::datapath
