// Stage 3: neighbour discovery for our IPv6 addresses (RFC 4861 sections 7.1 and 7.2, RFC 4862 section 5.4).
// What it says of the next hops towards backends is learned (section 7.2.5). Byte order: wire. Ownership:
// the advertisement is written over the solicitation. Thread: that core only. Outcomes: verdict.h.
#pragma once

#include <optional>

#include "lib/datapath/reply.h"
#include "lib/datapath/verdict.h"
#include "lib/wire/icmpv6.h"

namespace gl::datapath {

inline constexpr std::size_t kAdvertisementLength = sizeof(wire::NeighborMessage) + sizeof(wire::LinkAddressOption);

// What both messages must fulfil (RFC 4861 sections 7.1.1 and 7.1.2); the ICMPv6 checksum has been checked.
[[nodiscard]] inline std::optional<wire::NeighborOptions> valid_neighbor_message(const Packet& packet) noexcept {
  if (packet.hop_limit != 255 || packet.payload.size() < sizeof(wire::NeighborMessage)) return std::nullopt;
  const auto& message = *reinterpret_cast<const wire::NeighborMessage*>(packet.payload.data());
  if (message.code != 0 || message.target.is_multicast()) return std::nullopt;
  return wire::walk_neighbor_options(packet.payload.subspan(sizeof message));
}

// An advertisement of `target`, complete but for its checksum.
inline void write_advertisement(std::uint8_t* l4, const wire::Ipv6Address& target, const wire::MacAddress& mac,
                                std::uint32_t flags) noexcept {
  auto& message = *reinterpret_cast<wire::NeighborMessage*>(l4);
  message.type = static_cast<std::uint8_t>(wire::Icmpv6Type::neighbor_advertisement);
  message.code = 0;
  message.checksum = Be16(0);
  message.flags = Be32(flags);
  message.target = target;
  auto& option = *reinterpret_cast<wire::LinkAddressOption*>(l4 + sizeof message);
  option.type = static_cast<std::uint8_t>(wire::NeighborOption::target_link);
  option.length = 1;
  option.mac = mac;
}

[[nodiscard]] inline Verdict neighbor_solicitation(Frame& frame, const Packet& packet,
                                                   const Interface& interface) noexcept {
  const auto options = valid_neighbor_message(packet);
  if (!options) return Verdict::drop_ndp_invalid;
  const wire::Ipv6Address target = reinterpret_cast<const wire::NeighborMessage*>(packet.payload.data())->target;
  const bool probe = reinterpret_cast<const wire::Ipv6Address*>(packet.source)->is_unspecified();
  if (probe) {  // duplicate address detection: to the solicited-node group, and nobody to have a link address
    const auto& to = *reinterpret_cast<const wire::Ipv6Address*>(packet.destination);
    if (to != target.solicited_node() || options->source_link) return Verdict::drop_ndp_invalid;
  }
  if (!interface.has(target)) return Verdict::drop_ndp_not_ours;
  if (packet.reply_l4_offset() + kAdvertisementLength > frame.capacity) return Verdict::drop_ndp_invalid;
  if (options->source_link) {
    interface.learn(packet.l2_length, *reinterpret_cast<const wire::Ipv6Address*>(packet.source),
                    {options->source_link, Heard::hint});
  }

  // RFC 4861 section 7.2.4: a probe is answered to all nodes and without the solicited flag.
  std::uint8_t* const l3 = frame.data + packet.l2_length;
  std::uint8_t* const l4 = frame.data + packet.reply_l4_offset();
  write_reply_headers(frame, packet, interface, wire::IpProtocol::icmpv6, kAdvertisementLength);
  auto& header = *reinterpret_cast<wire::Ipv6Header*>(l3);
  header.hop_limit = 255;
  header.source = target;
  if (probe) {
    header.destination = wire::kAllNodes;
    reinterpret_cast<wire::EthernetHeader*>(frame.data)->destination = wire::kAllNodes.multicast_mac();
  }
  using Message = wire::NeighborMessage;
  write_advertisement(l4, target, interface.mac, Message::kOverride | (probe ? 0 : Message::kSolicited));
  const auto pseudo = pseudo_header(l3, true, wire::IpProtocol::icmpv6, kAdvertisementLength);
  reinterpret_cast<Message*>(l4)->checksum = wire::checksum(wire::sum_bytes(l4, kAdvertisementLength, pseudo));
  return Verdict::ndp_advertised;
}

// Somebody else may claim our address (RFC 4862 section 5.4.4), or a next hop says where it is. We keep no other
// neighbour.
[[nodiscard]] inline Verdict neighbor_advertisement(const Packet& packet, const Interface& interface) noexcept {
  const auto options = valid_neighbor_message(packet);
  const auto& message = *reinterpret_cast<const wire::NeighborMessage*>(packet.payload.data());
  if (!options || (packet.ip_group && (message.flags.host() & wire::NeighborMessage::kSolicited) != 0)) {
    return Verdict::drop_ndp_invalid;
  }
  const auto has_flag = [&](std::uint32_t flag) { return (message.flags.host() & flag) != 0; };
  const bool elsewhere = !options->target_link || *options->target_link != interface.mac;
  if (elsewhere && interface.has(message.target)) return Verdict::drop_ndp_conflict;
  const Heard heard = has_flag(wire::NeighborMessage::kSolicited) ? Heard::answer : Heard::hint;
  const bool learned = interface.learn(packet.l2_length, message.target,
                                       {options->target_link, heard, has_flag(wire::NeighborMessage::kOverride)});
  return learned ? Verdict::neighbour_learned : Verdict::drop_ndp_advertisement;
}

}  // namespace gl::datapath
