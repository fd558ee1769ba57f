// Stage 2, beside IP: ARP for our IPv4 addresses (RFC 826), probes and conflicts (RFC 5227), and what it says of the
// next hops towards backends. Byte order: wire. Ownership: the reply is written over the request. Thread:
// pure function. Outcomes: verdict.h.
#pragma once

#include <utility>

#include "lib/datapath/ethernet.h"
#include "lib/datapath/frame.h"
#include "lib/datapath/interface.h"
#include "lib/datapath/verdict.h"
#include "lib/wire/arp.h"

namespace gl::datapath {

[[nodiscard]] inline Verdict arp(Frame& frame, const Packet& packet, const Interface& interface) noexcept {
  if (frame.length - packet.l2_length < sizeof(wire::ArpPacket)) return Verdict::drop_arp_malformed;
  auto& arp = *reinterpret_cast<wire::ArpPacket*>(frame.data + packet.l2_length);
  if (!arp.is_ethernet_ipv4() || arp.sender_mac.is_multicast()) return Verdict::drop_arp_malformed;

  // RFC 5227 section 2.4: any ARP whose sender address is ours and whose sender is not. The main core logs it.
  if (interface.has(arp.sender_address)) return Verdict::drop_arp_conflict;
  const bool request = arp.operation.host() == static_cast<std::uint16_t>(wire::ArpOperation::request);
  const bool reply = arp.operation.host() == static_cast<std::uint16_t>(wire::ArpOperation::reply);
  const bool ours = interface.has(arp.target_address);
  const Heard heard = reply && ours ? Heard::answer : Heard::hint;
  const bool learned =
      (request || reply) && interface.learn(packet.l2_length, arp.sender_address, {arp.sender_mac, heard});
  if (!request) return learned ? Verdict::neighbour_learned : Verdict::drop_arp_operation;
  if (!ours) return learned ? Verdict::neighbour_learned : Verdict::drop_arp_not_ours;

  // A probe (sender address 0.0.0.0) is answered like any request: that is how its sender learns of us.
  arp.operation = Be16(static_cast<std::uint16_t>(wire::ArpOperation::reply));
  std::swap(arp.sender_address, arp.target_address);
  arp.target_mac = arp.sender_mac;
  arp.sender_mac = interface.mac;
  reply_ethernet(frame.data, interface);
  frame.length = packet.l2_length + sizeof arp;
  return Verdict::arp_reply;
}

}  // namespace gl::datapath
