// Stage 3: ICMPv6 (RFC 4443): echo is answered here, neighbour discovery goes on to ndp.h, packet too big to too_big.h.
// Byte order: wire. Ownership: the reply is written over the request. Thread: pure function. Outcomes: verdict.h.
#pragma once

#include "lib/datapath/icmp.h"
#include "lib/datapath/ndp.h"
#include "lib/datapath/reply.h"
#include "lib/datapath/verdict.h"
#include "lib/wire/icmp.h"
#include "lib/wire/icmpv6.h"

namespace gl::datapath {

template <ReplySink Sink>
[[nodiscard]] Verdict icmpv6(Frame& frame, const Packet& packet, const Interface& interface, const Registry& services,
                             tcp::Responder& responder, Sink& sink) noexcept {
  using wire::Icmpv6Type;
  if (packet.payload.size() < sizeof(wire::IcmpEcho)) return Verdict::drop_icmpv6_malformed;
  if (!l4_checksum_holds(packet)) return Verdict::drop_icmpv6_checksum;
  const auto& message = *reinterpret_cast<const wire::IcmpEcho*>(packet.payload.data());
  switch (static_cast<Icmpv6Type>(message.type)) {
    case Icmpv6Type::neighbor_solicitation:
      return neighbor_solicitation(frame, packet, interface);
    case Icmpv6Type::neighbor_advertisement:
      return neighbor_advertisement(packet, interface);
    case Icmpv6Type::packet_too_big:
      if (packet.ip_group) return Verdict::drop_icmpv6_too_big_invalid;
      return too_big(packet, services, responder, sink);
    case Icmpv6Type::echo_request:
      break;
    default:
      return Verdict::drop_icmpv6_type;
  }
  if (message.code != 0) return Verdict::drop_icmpv6_malformed;
  // A group is never a source (RFC 4291 section 2.7), and the unspecified address is nobody to answer.
  if (packet.ip_group || reinterpret_cast<const wire::Ipv6Address*>(packet.source)->is_unspecified()) {
    return Verdict::drop_icmpv6_type;
  }
  reply_echo(frame, packet, interface, wire::IpProtocol::icmpv6, static_cast<std::uint8_t>(Icmpv6Type::echo_reply));
  return Verdict::icmpv6_echo_reply;
}

}  // namespace gl::datapath
