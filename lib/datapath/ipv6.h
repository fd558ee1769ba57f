// Stage 2: the IPv6 header and its extension headers (RFC 8200). Length is settled here: later stages get an exact
// span. Atomic fragments are whole packets and taken as such (RFC 6946); real fragments are dropped, but for those of
// backends. Byte order: wire. Ownership: borrows. Thread: pure function. Outcomes: verdict.h.
#pragma once

#include <cstring>

#include "lib/datapath/frame.h"
#include "lib/datapath/interface.h"
#include "lib/datapath/verdict.h"
#include "lib/wire/ipv4.h"
#include "lib/wire/ipv6.h"

namespace gl::datapath {

inline constexpr wire::Ipv6Address kIpv6Loopback{{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}};

// The upper layer behind the extension headers.
[[nodiscard]] inline Verdict ipv6_upper_layer(Packet& packet, std::uint8_t next_header, MutableBytes payload) noexcept {
  using Kind = wire::ExtensionWalk::Kind;
  const wire::ExtensionWalk walk = wire::walk_extensions(next_header, payload);
  switch (walk.kind) {
    case Kind::fragment:
      return Verdict::drop_ipv6_fragment;
    case Kind::malformed:
      return Verdict::drop_ipv6_malformed;
    case Kind::refused:
      return Verdict::drop_ipv6_extension;
    case Kind::none:
      return Verdict::drop_ipv6_no_next;
    case Kind::upper_layer:
      break;
  }
  packet.protocol = walk.protocol;
  packet.payload = payload.subspan(walk.length);
  return kContinue;
}

// Of a packet whose fragment header is its only extension header. The header itself was seen to be there.
[[nodiscard]] inline bool is_udp_fragment(const wire::Ipv6Header& header, Bytes payload) noexcept {
  return header.next_header == static_cast<std::uint8_t>(wire::Extension::fragment) &&
         payload[0] == static_cast<std::uint8_t>(wire::IpProtocol::udp);
}

[[nodiscard]] inline Verdict ipv6(const Frame& frame, Packet& packet, const Interface& interface) noexcept {
  const std::size_t room = frame.length - packet.l2_length;
  if (room < sizeof(wire::Ipv6Header)) return Verdict::drop_ipv6_header;
  const auto& header = *reinterpret_cast<const wire::Ipv6Header*>(frame.data + packet.l2_length);
  if (header.version() != 6) return Verdict::drop_ipv6_header;

  // A jumbogram says length 0 and means more than a frame can hold (RFC 2675).
  const std::size_t payload_length = header.payload_length.host();
  if (payload_length > room - sizeof header) return Verdict::drop_ipv6_length;
  if (payload_length == 0 && header.next_header == static_cast<std::uint8_t>(wire::Extension::hop_by_hop)) {
    return Verdict::drop_ipv6_length;
  }
  // RFC 4291 section 2.7: multicast is never a source. The unspecified address is one only in neighbour discovery. An
  // IPv4 address in IPv6 form (section 2.5.5.2) is of sockets, and no host's on a link.
  if (header.source.is_multicast() || header.source == kIpv6Loopback || header.source.is_ipv4_mapped()) {
    return Verdict::drop_ipv6_source;
  }
  const bool icmpv6 = header.next_header == static_cast<std::uint8_t>(wire::IpProtocol::icmpv6);
  if (header.source.is_unspecified() && !icmpv6) return Verdict::drop_ipv6_source;

  if (header.destination.is_multicast()) {
    packet.ip_group = true;
    if (!icmpv6 || !interface.in_group(header.destination)) return Verdict::drop_ipv6_destination;
  } else {
    if (!interface.has(header.destination)) return Verdict::drop_ipv6_destination;
    if (packet.link_group) return Verdict::drop_link_group;
  }
  // Looped or forged. To another address it may be our answer to the kernel beside us, which a router has sent back.
  if (interface.has(header.source)) return Verdict::drop_ipv6_source;
  packet.v6 = true;
  packet.hop_limit = header.hop_limit;
  packet.source = header.source.bytes.data();
  packet.destination = header.destination.bytes.data();
  const MutableBytes payload(frame.data + packet.l2_length + sizeof header, payload_length);
  const Verdict verdict = ipv6_upper_layer(packet, header.next_header, payload);
  if (verdict != Verdict::drop_ipv6_fragment || !is_udp_fragment(header, payload)) return verdict;
  return interface.keeps_fragments_of(header.source) ? Verdict::fragment_kept : verdict;
}

}  // namespace gl::datapath
