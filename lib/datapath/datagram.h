// A UDP datagram of our own: the headers in front of a payload that is in place already. As replies have them
// (reply.h): IPv4 with DF and identification 0, IPv6 without flow label, hop limit 64, checksums by the port or here.
// Byte order: addresses and payload as on the wire, ports host. Ownership: writes the frame's buffer. Thread: pure
// functions. Errors: none: the payload fits the MTU (largest_datagram()). Sources: RFC 768, RFC 8200 section 8.1.
#pragma once

#include <cstddef>
#include <cstdint>

#include "lib/datapath/neighbour_probe.h"
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

// `frame.data` has room for the headers in front of the payload; sets the frame's length and what the port is to do.
inline void write_datagram(Frame& frame, const Interface& interface, const DatagramEnds& ends,
                           std::size_t payload_length) noexcept {
  const bool v6 = wire::is_v6(ends.source);
  const std::size_t l4_length = sizeof(wire::UdpHeader) + payload_length;
  std::uint8_t* const l3 = frame.data + sizeof(wire::EthernetHeader);
  std::uint8_t* const l4 = frame.data + datagram_payload_at(v6) - sizeof(wire::UdpHeader);
  write_ethernet(frame.data, ends.to, interface, v6 ? wire::EtherType::ipv6 : wire::EtherType::ipv4);
  detail::write_ip(l3, ends, l4_length, interface);
  auto& header = *reinterpret_cast<wire::UdpHeader*>(l4);
  header = {Be16(ends.source_port), Be16(ends.destination_port), Be16(static_cast<std::uint16_t>(l4_length)), Be16(0)};
  frame.length = datagram_payload_at(v6) + payload_length;
  frame.tx = {};
  frame.tx.v6 = v6;
  frame.tx.l2_length = sizeof(wire::EthernetHeader);
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

}  // namespace gl::datapath
