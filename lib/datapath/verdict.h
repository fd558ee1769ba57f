// How a frame can end: every frame that a core receives ends in exactly one of these, and each is a counter of that
// core. received + resumed == the sum over all verdicts (a frame that waits ends twice: suspended, and after it was
// taken up). Names that hold `drop_` are drops, those with `kept`, `learned`, `suspended` or `backend` were useful
// without a reply, the others are replies. Units: frames. Thread: constants.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "lib/tcp/responder.h"

namespace gl::datapath {

// In the order in which a frame meets them.
#define GL_FRAME_VERDICTS(X)                                                               \
  X(drop_chained, "frame longer than one buffer")                                          \
  X(drop_short, "frame shorter than its Ethernet header or VLAN tag")                      \
  X(drop_not_our_mac, "unicast frame for another MAC")                                     \
  X(drop_source_mac, "source MAC is a group address or our own")                           \
  X(drop_vlan_stacked, "more than one VLAN tag")                                           \
  X(drop_ether_type, "neither ARP nor IPv4 nor IPv6")                                      \
  X(arp_reply, "ARP request for our address answered")                                     \
  X(drop_arp_malformed, "ARP that is cut short, or not for IPv4 over Ethernet")            \
  X(drop_arp_not_ours, "ARP request for another address")                                  \
  X(drop_arp_operation, "ARP reply or another operation that needs no answer")             \
  X(drop_arp_conflict, "another host claims one of our IPv4 addresses (RFC 5227)")         \
  X(drop_ipv4_header, "IPv4 version or header length wrong")                               \
  X(drop_ipv4_length, "IPv4 total length does not fit the frame or its header")            \
  X(drop_ipv4_checksum, "IPv4 header checksum wrong")                                      \
  X(drop_ipv4_options, "IPv4 options malformed")                                           \
  X(drop_ipv4_source_route, "IPv4 source route")                                           \
  X(drop_ipv4_source, "IPv4 source that no host can have, or our own")                     \
  X(drop_ipv4_destination, "IPv4 destination is not ours")                                 \
  X(drop_ipv4_fragment, "IPv4 fragment")                                                   \
  X(drop_ipv6_header, "IPv6 header cut short or version wrong")                            \
  X(drop_ipv6_length, "IPv6 payload length does not fit the frame, or a jumbogram")        \
  X(drop_ipv6_source, "IPv6 source that no host can have, or our own")                     \
  X(drop_ipv6_destination, "IPv6 destination is not ours")                                 \
  X(drop_ipv6_fragment, "IPv6 fragment (atomic ones are taken whole, RFC 6946)")           \
  X(drop_ipv6_malformed, "IPv6 extension header cut short")                                \
  X(drop_ipv6_extension, "IPv6 extension headers refused: order, options, route or count") \
  X(drop_ipv6_no_next, "IPv6 without an upper layer")                                      \
  X(drop_link_group, "unicast packet in a broadcast or multicast frame (RFC 1122)")        \
  X(drop_ip_protocol, "neither ICMP nor UDP nor TCP")                                      \
  X(icmp_echo_reply, "ICMP echo answered")                                                 \
  X(drop_icmp_malformed, "ICMP cut short or with a wrong code")                            \
  X(drop_icmp_checksum, "ICMP checksum wrong")                                             \
  X(drop_icmp_type, "ICMP that needs no answer")                                           \
  X(icmp_too_big_learned, "a router's word that our segments are too big: applied")        \
  X(drop_icmp_too_big_invalid, "the same, of no segment that we can have sent")            \
  X(icmpv6_echo_reply, "ICMPv6 echo answered")                                             \
  X(drop_icmpv6_malformed, "ICMPv6 cut short or with a wrong code")                        \
  X(drop_icmpv6_checksum, "ICMPv6 checksum wrong")                                         \
  X(drop_icmpv6_type, "ICMPv6 that needs no answer")                                       \
  X(icmpv6_too_big_learned, "a router's word that our segments are too big: applied")      \
  X(drop_icmpv6_too_big_invalid, "the same, of no segment that we can have sent")          \
  X(ndp_advertised, "neighbour solicitation answered")                                     \
  X(drop_ndp_invalid, "neighbour discovery that RFC 4861 section 7.1 rejects")             \
  X(drop_ndp_not_ours, "neighbour solicitation for another address")                       \
  X(drop_ndp_advertisement, "neighbour advertisement, which we need not")                  \
  X(drop_ndp_conflict, "another host claims one of our IPv6 addresses (RFC 4862)")         \
  X(udp_reply, "datagram answered")                                                        \
  X(drop_udp_length, "UDP length does not fit the packet")                                 \
  X(drop_udp_checksum, "UDP checksum wrong, or absent over IPv6")                          \
  X(drop_udp_source_port, "UDP from port 0")                                               \
  X(drop_udp_closed, "UDP port without a service")                                         \
  X(drop_udp_silent, "datagram that is never answered")                                    \
  X(udp_suspended, "datagram whose answer is not there yet: it waits")                     \
  X(drop_udp_waiting, "datagram that waits already")                                       \
  X(backend_reply_taken, "reply of a name server behind")                                  \
  X(drop_backend_late, "datagram from a name server behind to no question in flight")      \
  X(drop_backend_wrong, "the same from a wrong address, port or question")                 \
  X(drop_backend_malformed, "reply of a name server behind that is no DNS answer")         \
  X(backend_handed_off, "reply that belongs to another core: handed off")                  \
  X(drop_handoff_full, "the same, but the ring between the two cores was full")            \
  X(fragment_kept, "fragment of such a reply, kept until the others are there")            \
  X(neighbour_learned, "ARP or neighbour discovery that tells of a next hop of ours")      \
  X(drop_no_buffer, "frame that waited, and found no buffer")                              \
  X(drop_tcp_length, "TCP header does not fit the packet")                                 \
  X(drop_tcp_checksum, "TCP checksum wrong")                                               \
  X(drop_tcp_source_port, "TCP from port 0")                                               \
  X(drop_tcp_options, "TCP options malformed")

enum class Verdict : std::uint8_t {
#define X(name, help) name,
  GL_FRAME_VERDICTS(X)
#undef X
#define X(name, help) tcp_##name,
      GL_TCP_OUTCOMES(X)
#undef X
};

struct VerdictText {
  std::string_view name;
  std::string_view help;
  [[nodiscard]] constexpr bool has(std::string_view part) const noexcept {
    return name.find(part) != std::string_view::npos;
  }
  [[nodiscard]] constexpr bool is_drop() const noexcept { return has("drop_"); }
  [[nodiscard]] constexpr bool is_reply() const noexcept {
    return !is_drop() && !has("_kept") && !has("_learned") && !has("suspended") && !has("backend_");
  }
};

inline constexpr auto kVerdictTexts = std::to_array<VerdictText>({
#define X(name, help) VerdictText{#name, help},
    GL_FRAME_VERDICTS(X)
#undef X
#define X(name, help) VerdictText{"tcp_" #name, help},
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
