// How a frame can end: every frame that a core receives ends in exactly one of these, and each is a counter of that
// core. received + resumed == the sum over all verdicts (a frame that waits ends twice: suspended, and after it was
// resumed). Units: frames. Thread: constants.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "lib/tcp/responder.h"

namespace gl::datapath {

// In the order in which a frame meets them.
#define GL_FRAME_VERDICTS(X)                                                                     \
  X(drop_chained, drop, "frame longer than one buffer")                                          \
  X(drop_short, drop, "frame shorter than its Ethernet header or VLAN tag")                      \
  X(drop_not_our_mac, drop, "unicast frame for another MAC")                                     \
  X(drop_source_mac, drop, "source MAC is a group address or our own")                           \
  X(drop_vlan_stacked, drop, "more than one VLAN tag")                                           \
  X(drop_vlan, drop, "VLAN that is not among --vlan, or no tag; the reserved VLAN 4095")         \
  X(drop_ether_type, drop, "neither ARP nor IPv4 nor IPv6")                                      \
  X(arp_reply, reply, "ARP request for our address answered")                                    \
  X(drop_arp_malformed, drop, "ARP that is cut short, or not for IPv4 over Ethernet")            \
  X(drop_arp_not_ours, drop, "ARP request for another address")                                  \
  X(drop_arp_operation, drop, "ARP reply or another operation that needs no answer")             \
  X(drop_arp_conflict, drop, "another host claims one of our IPv4 addresses (RFC 5227)")         \
  X(drop_ipv4_header, drop, "IPv4 version or header length wrong")                               \
  X(drop_ipv4_length, drop, "IPv4 total length does not fit the frame or its header")            \
  X(drop_ipv4_checksum, drop, "IPv4 header checksum wrong")                                      \
  X(drop_ipv4_options, drop, "IPv4 options malformed")                                           \
  X(drop_ipv4_source_route, drop, "IPv4 source route")                                           \
  X(drop_ipv4_source, drop, "IPv4 source that no host can have, or our own")                     \
  X(drop_ipv4_destination, drop, "IPv4 destination is not ours")                                 \
  X(drop_ipv4_fragment, drop, "IPv4 fragment")                                                   \
  X(drop_ipv6_header, drop, "IPv6 header cut short or version wrong")                            \
  X(drop_ipv6_length, drop, "IPv6 payload length does not fit the frame, or a jumbogram")        \
  X(drop_ipv6_source, drop, "IPv6 source that no host can have, or our own")                     \
  X(drop_ipv6_destination, drop, "IPv6 destination is not ours")                                 \
  X(drop_ipv6_fragment, drop, "IPv6 fragment (atomic ones are taken whole, RFC 6946)")           \
  X(drop_ipv6_malformed, drop, "IPv6 extension header cut short")                                \
  X(drop_ipv6_extension, drop, "IPv6 extension headers refused: order, options, route or count") \
  X(drop_ipv6_no_next, drop, "IPv6 without an upper layer")                                      \
  X(drop_link_group, drop, "unicast packet in a broadcast or multicast frame (RFC 1122)")        \
  X(drop_ip_protocol, drop, "neither ICMP nor UDP nor TCP")                                      \
  X(icmp_echo_reply, reply, "ICMP echo answered")                                                \
  X(drop_icmp_malformed, drop, "ICMP cut short or with a wrong code")                            \
  X(drop_icmp_checksum, drop, "ICMP checksum wrong")                                             \
  X(drop_icmp_type, drop, "ICMP that needs no answer")                                           \
  X(icmp_too_big_learned, other, "a router's word that our packets are too big: applied")        \
  X(drop_icmp_too_big_invalid, drop, "the same, of no packet that we can have sent")             \
  X(icmp_too_big_handed_off, other, "the same, also ICMPv6, of another core's datagram")         \
  X(icmpv6_echo_reply, reply, "ICMPv6 echo answered")                                            \
  X(drop_icmpv6_malformed, drop, "ICMPv6 cut short or with a wrong code")                        \
  X(drop_icmpv6_checksum, drop, "ICMPv6 checksum wrong")                                         \
  X(drop_icmpv6_type, drop, "ICMPv6 that needs no answer")                                       \
  X(icmpv6_too_big_learned, other, "a router's word that our packets are too big: applied")      \
  X(drop_icmpv6_too_big_invalid, drop, "the same, of no packet that we can have sent")           \
  X(ndp_advertised, reply, "neighbour solicitation answered")                                    \
  X(drop_ndp_invalid, drop, "neighbour discovery that RFC 4861 section 7.1 rejects")             \
  X(drop_ndp_not_ours, drop, "neighbour solicitation for another address")                       \
  X(drop_ndp_advertisement, drop, "neighbour advertisement, which we need not")                  \
  X(drop_ndp_conflict, drop, "another host claims one of our IPv6 addresses (RFC 4862)")         \
  X(udp_reply, reply, "datagram answered")                                                       \
  X(drop_udp_length, drop, "UDP length does not fit the packet")                                 \
  X(drop_udp_checksum, drop, "UDP checksum wrong, or absent over IPv6")                          \
  X(drop_udp_source_port, drop, "UDP from port 0, or from one of echo, chargen and their like")  \
  X(drop_udp_closed, drop, "UDP port without a service")                                         \
  X(drop_udp_silent, drop, "datagram that is never answered")                                    \
  X(udp_suspended, other, "datagram whose answer is not there yet: it waits")                    \
  X(drop_udp_waiting, drop, "datagram that waits already")                                       \
  X(udp_handed_off, other, "datagram to a port of another core: handed off")                     \
  X(backend_reply_taken, other, "reply of a backend")                                            \
  X(drop_backend_late, drop, "datagram of a backend to no question in flight")                   \
  X(drop_backend_wrong, drop, "the same from a wrong address, port or question")                 \
  X(drop_backend_malformed, drop, "reply of a backend that is no answer to its question")        \
  X(backend_handed_off, other, "reply that belongs to another core: handed off")                 \
  X(drop_handoff_full, drop, "datagram of another core, and the ring between the two is full")   \
  X(fragment_kept, other, "fragment of such a reply, kept until the others are there")           \
  X(neighbour_learned, other, "ARP or neighbour discovery that tells of a next hop of ours")     \
  X(to_kernel, other, "frame of no service: given to the kernel beside us")                      \
  X(drop_kernel_limited, drop, "the same above --kernel-rate")                                   \
  X(drop_kernel_limited_peer, drop, "the same of a --kernel-peer")                               \
  X(drop_kernel_limited_link, drop, "the same, ARP, neighbour discovery or no IP at all")        \
  X(drop_no_buffer, drop, "frame that waited, and found no buffer")                              \
  X(drop_tcp_length, drop, "TCP header does not fit the packet")                                 \
  X(drop_tcp_checksum, drop, "TCP checksum wrong")                                               \
  X(drop_tcp_source_port, drop, "TCP from port 0")                                               \
  X(drop_tcp_options, drop, "TCP options malformed")

enum class Verdict : std::uint8_t {
#define X(name, kind, help) name,
  GL_FRAME_VERDICTS(X)
#undef X
#define X(name, kind, help) tcp_##name,
      GL_TCP_OUTCOMES(X)
#undef X
};

enum class VerdictKind : std::uint8_t {
  reply,  // something went out at once
  drop,   // nothing came of the frame
  other,  // it was of use without a reply
};

struct VerdictText {
  std::string_view name;
  VerdictKind kind;
  std::string_view help;
  [[nodiscard]] constexpr bool is_drop() const noexcept { return kind == VerdictKind::drop; }
  [[nodiscard]] constexpr bool is_reply() const noexcept { return kind == VerdictKind::reply; }
};

inline constexpr auto kVerdictTexts = std::to_array<VerdictText>({
#define X(name, kind, help) VerdictText{#name, VerdictKind::kind, help},
    GL_FRAME_VERDICTS(X)
#undef X
#define X(name, kind, help) VerdictText{"tcp_" #name, VerdictKind::kind, help},
        GL_TCP_OUTCOMES(X)
#undef X
});
inline constexpr std::size_t kVerdicts = kVerdictTexts.size();
static_assert(kVerdicts < 0xff);

// Not an end: the stage passes the frame on. Never counted.
inline constexpr Verdict kContinue{0xff};

[[nodiscard]] constexpr std::size_t index(Verdict verdict) noexcept {
  return static_cast<std::size_t>(verdict);
}

[[nodiscard]] constexpr Verdict verdict_of(tcp::Outcome outcome) noexcept {
  return static_cast<Verdict>(kVerdicts - tcp::kOutcomes + static_cast<std::size_t>(outcome));
}

}  // namespace gl::datapath
