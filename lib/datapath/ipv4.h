// Stage 2: the IPv4 header (RFC 791, RFC 1122 section 3.2.1). Length is settled here: later stages get an exact span.
// Fragments are dropped, but for those of backends: whoever has the frame keeps them until they are a
// whole. Byte order: wire. Ownership: borrows. Thread: pure function. Outcomes: verdict.h.
#pragma once

#include "lib/datapath/frame.h"
#include "lib/datapath/interface.h"
#include "lib/datapath/verdict.h"
#include "lib/wire/checksum.h"
#include "lib/wire/ipv4.h"

namespace gl::datapath {

// RFC 1122 section 3.2.1.3: addresses that may not be a source: this network, loopback, multicast, broadcast, and what
// names a network of ours as a whole; RFC 1112 section 4: class E. Our own: a looped or forged packet.
[[nodiscard]] inline bool ipv4_source_acceptable(const wire::Ipv4Address& source, const Interface& interface) noexcept {
  return source.bytes[0] != 0 && source.bytes[0] != 127 && source.bytes[0] < 224 && !interface.has(source) &&
         !interface.names_network(source);
}

// Whether the beginning of a datagram is of use: a backend's, of which the reader of the interface has cut off what no
// frame holds (the kernel puts fragments together before a packet socket sees them).
[[nodiscard]] inline bool ipv4_beginning_of_use(const wire::Ipv4Header& header, const Interface& interface) noexcept {
  return header.protocol == static_cast<std::uint8_t>(wire::IpProtocol::udp) && !header.is_fragment() &&
         interface.keeps_fragments_of(header.source);
}

[[nodiscard]] inline Verdict ipv4(const Frame& frame, Packet& packet, const Interface& interface) noexcept {
  const std::size_t room = frame.length - packet.l2_length;
  if (room < sizeof(wire::Ipv4Header)) return Verdict::drop_ipv4_header;
  const auto& header = *reinterpret_cast<const wire::Ipv4Header*>(frame.data + packet.l2_length);
  const std::size_t header_length = header.header_length();
  if (header.version() != 4 || header_length < sizeof header || header_length > room) return Verdict::drop_ipv4_header;

  // The frame may be longer (padding to 60 bytes), but not shorter.
  const std::size_t total_length = header.total_length.host();
  packet.cut_short = total_length > room;
  if (total_length < header_length || (packet.cut_short && !ipv4_beginning_of_use(header, interface))) {
    return Verdict::drop_ipv4_length;
  }
  const std::uint8_t* const start = frame.data + packet.l2_length;
  if (!frame.ipv4_checksum_good && !wire::checksum_holds(wire::sum_bytes(start, header_length))) {
    return Verdict::drop_ipv4_checksum;
  }
  if (!interface.has(header.destination)) return Verdict::drop_ipv4_destination;
  if (!ipv4_source_acceptable(header.source, interface)) return Verdict::drop_ipv4_source;
  if (packet.link_group) return Verdict::drop_link_group;
  if (header.is_fragment()) {
    const bool udp = header.protocol == static_cast<std::uint8_t>(wire::IpProtocol::udp);
    return udp && interface.keeps_fragments_of(header.source) ? Verdict::fragment_kept : Verdict::drop_ipv4_fragment;
  }
  if (header_length > sizeof header) {
    const auto options = wire::check_ipv4_options({start + sizeof header, header_length - sizeof header});
    if (options == wire::Ipv4Options::malformed) return Verdict::drop_ipv4_options;
    if (options == wire::Ipv4Options::source_routed) return Verdict::drop_ipv4_source_route;
  }
  packet.v6 = false;
  packet.hop_limit = header.ttl;
  packet.protocol = header.protocol;
  packet.source = header.source.bytes.data();
  packet.destination = header.destination.bytes.data();
  packet.payload = {frame.data + packet.l2_length + header_length,
                    (packet.cut_short ? room : total_length) - header_length};
  return kContinue;
}

}  // namespace gl::datapath
