#include "lib/control/start/announce.h"

#include <rte_cycles.h>

#include <algorithm>

#include "lib/control/log.h"
#include "lib/datapath/ndp.h"
#include "lib/datapath/neighbour_probe.h"
#include "lib/dpdk/burst.h"

namespace gl::control {

namespace {

using datapath::Interface;

// Sender and target address are the announced one.
std::size_t write_announcement(std::uint8_t* data, const Interface& interface, const wire::Ipv4Address& address) {
  return datapath::write_arp_request(data, interface, wire::kBroadcastMac, address, address);
}

// From nobody, and without a link address (RFC 4862 section 5.4.2).
std::size_t write_detection(std::uint8_t* data, const Interface& interface, const wire::Ipv6Address& address) {
  auto& message = *reinterpret_cast<wire::NeighborMessage*>(datapath::icmpv6_at(data));
  message = {static_cast<std::uint8_t>(wire::Icmpv6Type::neighbor_solicitation), 0, Be16(0), Be32(0), address};
  const wire::Ipv6Address group = address.solicited_node();
  return datapath::wrap_icmpv6(data, interface, group.multicast_mac(), {}, group, sizeof message);
}

std::size_t write_unsolicited(std::uint8_t* data, const Interface& interface, const wire::Ipv6Address& address) {
  datapath::write_advertisement(datapath::icmpv6_at(data), address, interface.mac, wire::NeighborMessage::kOverride);
  return datapath::wrap_icmpv6(data, interface, wire::kAllNodes.multicast_mac(), address, wire::kAllNodes,
                               datapath::kAdvertisementLength);
}

}  // namespace

void wait_for_links(const Network& network) {
  constexpr unsigned kPatienceMs = 5000;
  constexpr unsigned kStepMs = 50;
  for (unsigned waited = 0; waited < kPatienceMs; waited += kStepMs) {
    if (std::ranges::all_of(network.ports(), &dpdk::Port::link_up)) return;
    rte_delay_us_sleep(kStepMs * 1000);
  }
  warn("a port's link is still down: its addresses are announced to nobody");
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
    for (std::size_t a = 0; a < interface.v4_count; ++a) add(write_announcement, interface.v4[a]);
    for (std::size_t a = 0; a < interface.v6_count; ++a) add(write_detection, interface.v6[a]);
    for (std::size_t a = 0; a < interface.v6_count; ++a) add(write_unsolicited, interface.v6[a]);
    sent += burst.flush().sent;
  }
  return sent;
}

}  // namespace gl::control
