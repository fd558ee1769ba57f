// Stage 1: Ethernet and at most one 802.1Q tag (IEEE 802.3, 802.1Q). A reply carries the same tag.
// Byte order: wire. Ownership: borrows. Thread: pure function. Outcomes: verdict.h.
#pragma once

#include "lib/datapath/frame.h"
#include "lib/datapath/interface.h"
#include "lib/datapath/verdict.h"
#include "lib/wire/ethernet.h"

namespace gl::datapath {

[[nodiscard]] inline Verdict ethernet(const Frame& frame, Packet& packet, const Interface& interface) noexcept {
  using wire::EtherType;
  if (frame.length < sizeof(wire::EthernetHeader)) return Verdict::drop_short;
  const auto& header = *reinterpret_cast<const wire::EthernetHeader*>(frame.data);

  packet.link_group = header.destination.is_multicast();  // broadcast has the group bit too
  if (!packet.link_group && header.destination != interface.mac) return Verdict::drop_not_our_mac;
  if (header.source.is_multicast() || header.source == interface.mac) return Verdict::drop_source_mac;

  packet.l2_length = sizeof header;
  packet.ether_type = header.type.host();
  std::uint16_t vlan = wire::VlanSet::kUntagged;
  if (packet.ether_type == static_cast<std::uint16_t>(EtherType::vlan)) {
    if (frame.length < sizeof header + sizeof(wire::VlanTag)) return Verdict::drop_short;
    packet.l2_length += sizeof(wire::VlanTag);
    const auto& tag = *reinterpret_cast<const wire::VlanTag*>(frame.data + sizeof header);
    packet.ether_type = tag.type.host();
    vlan = tag.control.host();
    if (packet.ether_type == static_cast<std::uint16_t>(EtherType::vlan)) return Verdict::drop_vlan_stacked;
    if (wire::VlanSet::is_reserved(vlan)) return Verdict::drop_vlan;
  }
  if (packet.ether_type == static_cast<std::uint16_t>(EtherType::stacked_vlan)) return Verdict::drop_vlan_stacked;
  if (interface.vlans != nullptr && !interface.vlans->has(vlan)) return Verdict::drop_vlan;
  return kContinue;
}

// Turns the Ethernet header around in place; the tag stays as it is.
inline void reply_ethernet(std::uint8_t* data, const Interface& interface) noexcept {
  auto& header = *reinterpret_cast<wire::EthernetHeader*>(data);
  header.destination = header.source;
  header.source = interface.mac;
}

}  // namespace gl::datapath
