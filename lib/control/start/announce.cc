#include "lib/control/start/announce.h"

#include <rte_cycles.h>

#include <algorithm>
#include <cstring>
#include <utility>

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

// Behind the MAC addresses of a frame of `length` bytes; its new length.
std::size_t insert_tag(std::uint8_t* data, std::size_t length, std::uint16_t vlan) {
  constexpr std::size_t kAt = 2 * sizeof(wire::MacAddress);
  std::memmove(data + kAt + sizeof(wire::VlanTag), data + kAt, length - kAt);
  store_be(data + kAt, static_cast<std::uint16_t>(wire::EtherType::vlan));
  store_be(data + kAt + 2, vlan);
  return length + sizeof(wire::VlanTag);
}

template <class Call>
void for_each_vlan(const Interface& interface, Call call) {
  if (interface.vlans == nullptr) return call(wire::VlanSet::kUntagged);
  interface.vlans->for_each(call);
}

// Of one port.
class Announcer {
 public:
  Announcer(const Network& network, std::size_t port) : network_(network), interface_(network.interface(port)) {
    burst_.bind(network.ports()[port].id(), 0, false);
  }
  // How many frames went out.
  std::size_t announce() {
    for_each_vlan(interface_, [this](std::uint16_t vlan) { announce(vlan); });
    return sent_ + burst_.flush().sent;
  }

 private:
  void announce(std::uint16_t vlan) {
    for (std::size_t a = 0; a < interface_.v4_count; ++a) add(write_announcement, interface_.v4[a], vlan);
    for (std::size_t a = 0; a < interface_.v6_count; ++a) add(write_detection, interface_.v6[a], vlan);
    for (std::size_t a = 0; a < interface_.v6_count; ++a) add(write_unsolicited, interface_.v6[a], vlan);
  }
  template <class Address>
  void add(std::size_t (*write)(std::uint8_t*, const Interface&, const Address&), const Address& address,
           std::uint16_t vlan) {
    dpdk::Mbuf mbuf = network_.pool(0).allocate();
    if (mbuf == nullptr) return;
    if (burst_.full()) sent_ += burst_.flush().sent;
    auto* const data = rte_pktmbuf_mtod(mbuf.get(), std::uint8_t*);
    std::size_t length = write(data, interface_, address);
    if (vlan != wire::VlanSet::kUntagged) length = insert_tag(data, length, vlan);
    mbuf->data_len = static_cast<std::uint16_t>(length);
    mbuf->pkt_len = static_cast<std::uint32_t>(length);
    burst_.push(std::move(mbuf));
  }

  const Network& network_;
  const Interface& interface_;
  dpdk::TxBurst burst_;
  std::size_t sent_ = 0;
};

}  // namespace

void wait_for_links(const Network& network) {
  constexpr unsigned kPatienceMs = 5000;
  constexpr unsigned kStepMs = 50;
  for (unsigned waited = 0; waited < kPatienceMs; waited += kStepMs) {
    if (std::ranges::all_of(network.ports(), &dpdk::Port::link_up)) return;
    rte_delay_us_sleep(kStepMs * 1000);
  }
  for (const dpdk::Port& port : network.ports()) {
    if (port.link_up()) continue;
    warn("port " + port.name() + ": its link is still down, its addresses are announced to nobody",
         {{"port", port.name()}});
  }
}

std::size_t announce(const Network& network) {
  std::size_t sent = 0;
  for (std::size_t i = 0; i < network.ports().size(); ++i) {
    sent += Announcer(network, i).announce();
  }
  return sent;
}

}  // namespace gl::control
