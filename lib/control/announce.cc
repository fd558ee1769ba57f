#include "lib/control/announce.h"

#include <rte_cycles.h>
#include <rte_ethdev.h>

#include <algorithm>
#include <cstring>

#include "lib/control/log.h"
#include "lib/datapath/ndp.h"
#include "lib/dpdk/burst.h"
#include "lib/wire/arp.h"

namespace gl::control {

namespace {

using datapath::Interface;

void put_ethernet(std::uint8_t* data, const wire::MacAddress& to, const Interface& interface, wire::EtherType type) {
  *reinterpret_cast<wire::EthernetHeader*>(data) = {to, interface.mac, Be16(static_cast<std::uint16_t>(type))};
}

// Sender and target address are the announced one.
std::size_t write_arp(std::uint8_t* data, const Interface& interface, const wire::Ipv4Address& address) {
  put_ethernet(data, wire::kBroadcastMac, interface, wire::EtherType::arp);
  auto& arp = *reinterpret_cast<wire::ArpPacket*>(data + sizeof(wire::EthernetHeader));
  arp = {Be16(1),
         Be16(static_cast<std::uint16_t>(wire::EtherType::ipv4)),
         6,
         4,
         Be16(static_cast<std::uint16_t>(wire::ArpOperation::request)),
         interface.mac,
         address,
         {},
         address};
  return sizeof(wire::EthernetHeader) + sizeof arp;
}

// Ethernet, IPv6 and checksum around an ICMPv6 message of `length` bytes that is in place.
std::size_t wrap_icmpv6(std::uint8_t* data, const Interface& interface, const wire::Ipv6Address& from,
                        const wire::Ipv6Address& to, std::size_t length) {
  put_ethernet(data, to.multicast_mac(), interface, wire::EtherType::ipv6);
  std::uint8_t* const l3 = data + sizeof(wire::EthernetHeader);
  *reinterpret_cast<wire::Ipv6Header*>(l3) = {Be32(0x60000000),
                                              Be16(static_cast<std::uint16_t>(length)),
                                              static_cast<std::uint8_t>(wire::IpProtocol::icmpv6),
                                              255,
                                              from,
                                              to};
  std::uint8_t* const l4 = l3 + sizeof(wire::Ipv6Header);
  const auto pseudo = datapath::pseudo_header(l3, true, wire::IpProtocol::icmpv6, length);
  reinterpret_cast<wire::NeighborMessage*>(l4)->checksum = wire::checksum(wire::sum_bytes(l4, length, pseudo));
  return sizeof(wire::EthernetHeader) + sizeof(wire::Ipv6Header) + length;
}

std::uint8_t* icmpv6_at(std::uint8_t* data) {
  return data + sizeof(wire::EthernetHeader) + sizeof(wire::Ipv6Header);
}

std::size_t write_solicitation(std::uint8_t* data, const Interface& interface, const wire::Ipv6Address& address) {
  auto& message = *reinterpret_cast<wire::NeighborMessage*>(icmpv6_at(data));
  message = {static_cast<std::uint8_t>(wire::Icmpv6Type::neighbor_solicitation), 0, Be16(0), Be32(0), address};
  return wrap_icmpv6(data, interface, {}, address.solicited_node(), sizeof message);
}

std::size_t write_unsolicited(std::uint8_t* data, const Interface& interface, const wire::Ipv6Address& address) {
  datapath::write_advertisement(icmpv6_at(data), address, interface.mac, wire::NeighborMessage::kOverride);
  return wrap_icmpv6(data, interface, address, wire::kAllNodes, datapath::kAdvertisementLength);
}

}  // namespace

void wait_for_links(const Network& network) {
  constexpr unsigned kPatienceMs = 5000;
  constexpr unsigned kStepMs = 50;
  for (unsigned waited = 0; waited < kPatienceMs; waited += kStepMs) {
    const bool all_up = std::all_of(network.ports().begin(), network.ports().end(), [](const dpdk::Port& port) {
      rte_eth_link link{};
      return rte_eth_link_get_nowait(port.id(), &link) != 0 || link.link_status == RTE_ETH_LINK_UP;
    });
    if (all_up) return;
    rte_delay_us_sleep(kStepMs * 1000);
  }
  say("a port's link is still down: its addresses are announced to nobody");
}

std::size_t announce(const Network& network) {
  std::size_t sent = 0;
  for (std::size_t i = 0; i < network.ports().size(); ++i) {
    const Interface& interface = network.interface(i);
    dpdk::TxBurst burst;
    burst.bind(network.ports()[i].id(), 0, false);
    const auto add = [&](auto write, const auto& address) {
      dpdk::Mbuf mbuf = network.pool(0).allocate();
      if (mbuf == nullptr || burst.full()) return;
      const std::size_t length = write(rte_pktmbuf_mtod(mbuf.get(), std::uint8_t*), interface, address);
      mbuf->data_len = static_cast<std::uint16_t>(length);
      mbuf->pkt_len = static_cast<std::uint32_t>(length);
      burst.push(std::move(mbuf));
    };
    for (std::size_t a = 0; a < interface.v4_count; ++a) add(write_arp, interface.v4[a]);
    for (std::size_t a = 0; a < interface.v6_count; ++a) add(write_solicitation, interface.v6[a]);
    for (std::size_t a = 0; a < interface.v6_count; ++a) add(write_unsolicited, interface.v6[a]);
    sent += burst.flush().sent;
  }
  return sent;
}

}  // namespace gl::control
