// The frames that ask for a neighbour's link address, or announce our own: ARP requests (RFC 826, RFC 5227) and
// neighbour solicitations (RFC 4861 sections 4.3 and 7.2.2).
// Byte order: wire. Ownership: writes memory with room for kLongestProbe bytes; returns the frame's length. Thread:
// pure functions.
#pragma once

#include <cstddef>

#include "lib/datapath/interface.h"
#include "lib/datapath/reply.h"
#include "lib/wire/arp.h"
#include "lib/wire/ethernet.h"
#include "lib/wire/icmpv6.h"

namespace gl::datapath {

inline constexpr std::size_t kLongestProbe = sizeof(wire::EthernetHeader) + sizeof(wire::Ipv6Header) +
                                             sizeof(wire::NeighborMessage) + sizeof(wire::LinkAddressOption);

inline void write_ethernet(std::uint8_t* data, const wire::MacAddress& to, const Interface& interface,
                           wire::EtherType type) noexcept {
  *reinterpret_cast<wire::EthernetHeader*>(data) = {to, interface.mac, Be16(static_cast<std::uint16_t>(type))};
}

// `to`: the neighbour where it is known, else the broadcast address.
[[nodiscard]] inline std::size_t write_arp_request(std::uint8_t* data, const Interface& interface,
                                                   const wire::MacAddress& to, const wire::Ipv4Address& ours,
                                                   const wire::Ipv4Address& target) noexcept {
  write_ethernet(data, to, interface, wire::EtherType::arp);
  auto& arp = *reinterpret_cast<wire::ArpPacket*>(data + sizeof(wire::EthernetHeader));
  arp = {Be16(1),
         Be16(static_cast<std::uint16_t>(wire::EtherType::ipv4)),
         sizeof(wire::MacAddress),
         sizeof(wire::Ipv4Address),
         Be16(static_cast<std::uint16_t>(wire::ArpOperation::request)),
         interface.mac,
         ours,
         {},
         target};
  return sizeof(wire::EthernetHeader) + sizeof arp;
}

// Where the ICMPv6 message of such a frame begins.
[[nodiscard]] inline std::uint8_t* icmpv6_at(std::uint8_t* data) noexcept {
  return data + sizeof(wire::EthernetHeader) + sizeof(wire::Ipv6Header);
}

// Ethernet, IPv6 and checksum around an ICMPv6 message of `length` bytes that is in place.
[[nodiscard]] inline std::size_t wrap_icmpv6(std::uint8_t* data, const Interface& interface,
                                             const wire::MacAddress& mac, const wire::Ipv6Address& from,
                                             const wire::Ipv6Address& to, std::size_t length) noexcept {
  write_ethernet(data, mac, interface, wire::EtherType::ipv6);
  std::uint8_t* const l3 = data + sizeof(wire::EthernetHeader);
  *reinterpret_cast<wire::Ipv6Header*>(l3) = {Be32(0x60000000),
                                              Be16(static_cast<std::uint16_t>(length)),
                                              static_cast<std::uint8_t>(wire::IpProtocol::icmpv6),
                                              255,
                                              from,
                                              to};
  std::uint8_t* const l4 = icmpv6_at(data);
  const auto pseudo = pseudo_header(l3, true, wire::IpProtocol::icmpv6, length);
  reinterpret_cast<wire::NeighborMessage*>(l4)->checksum = wire::checksum(wire::sum_bytes(l4, length, pseudo));
  return sizeof(wire::EthernetHeader) + sizeof(wire::Ipv6Header) + length;
}

// A solicitation with our link address in it; to the target's group where `mac` is that group's, else to the target.
[[nodiscard]] inline std::size_t write_solicitation(std::uint8_t* data, const Interface& interface,
                                                    const wire::MacAddress& mac, const wire::Ipv6Address& ours,
                                                    const wire::Ipv6Address& target) noexcept {
  std::uint8_t* const l4 = icmpv6_at(data);
  auto& message = *reinterpret_cast<wire::NeighborMessage*>(l4);
  message = {static_cast<std::uint8_t>(wire::Icmpv6Type::neighbor_solicitation), 0, Be16(0), Be32(0), target};
  auto& option = *reinterpret_cast<wire::LinkAddressOption*>(l4 + sizeof message);
  option = {static_cast<std::uint8_t>(wire::NeighborOption::source_link), 1, interface.mac};
  return wrap_icmpv6(data, interface, mac, ours, mac.is_multicast() ? target.solicited_node() : target,
                     sizeof message + sizeof option);
}

}  // namespace gl::datapath
