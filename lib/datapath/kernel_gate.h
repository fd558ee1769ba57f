// Last stage, where the kernel has a port beside the service's: which frames are its, and how many of them a second.
// Three buckets of one rate keep what the machine lives on from being crowded out: frames of the operator's peers; ARP,
// neighbour discovery and what is no IP; everything else.
// Units: frames, milliseconds of a monotonic clock. Byte order: wire. Ownership: copies the networks of the peers.
// Thread: one core's own. Outcomes: verdict.h.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <utility>

#include "lib/base/bytes.h"
#include "lib/base/endian.h"
#include "lib/datapath/verdict.h"
#include "lib/service/networks.h"
#include "lib/tcp/token_bucket.h"
#include "lib/wire/arp.h"
#include "lib/wire/ethernet.h"
#include "lib/wire/icmpv6.h"
#include "lib/wire/ipv4.h"
#include "lib/wire/ipv6.h"

namespace gl::datapath {

namespace detail {

// Well-formed as far as the stages looked, and nothing that a service or the forwarder waits for. What tells of a next
// hop was learned, and tells the kernel too.
inline constexpr auto kForKernel = std::to_array<Verdict>(
    {Verdict::drop_vlan_stacked, Verdict::drop_vlan, Verdict::drop_ether_type, Verdict::drop_arp_not_ours,
     Verdict::drop_arp_operation, Verdict::drop_ipv4_destination, Verdict::drop_ipv6_destination,
     Verdict::drop_ip_protocol, Verdict::drop_icmp_type, Verdict::drop_icmp_too_big_invalid, Verdict::drop_icmpv6_type,
     Verdict::drop_icmpv6_too_big_invalid, Verdict::drop_ndp_not_ours, Verdict::drop_ndp_advertisement,
     Verdict::drop_udp_closed, Verdict::neighbour_learned, Verdict::to_kernel});

inline constexpr auto kIsForKernel = [] {
  std::array<bool, kVerdicts> table{};
  for (const Verdict verdict : kForKernel) table[index(verdict)] = true;
  return table;
}();

}  // namespace detail

[[nodiscard]] constexpr bool is_for_kernel(Verdict verdict) noexcept {
  return detail::kIsForKernel[index(verdict)];
}

class KernelGate {
 public:
  // `per_second`: of each bucket.
  KernelGate(std::uint32_t per_second, AllowedNetworks peers)
      : peers_(std::move(peers)), peer_(per_second), link_(per_second), rest_(per_second) {}

  void refill(std::uint64_t now_ms) noexcept {
    for (tcp::TokenBucket* const bucket : {&peer_, &link_, &rest_}) bucket->refill(now_ms);
  }

  // to_kernel, or why not. `frame` has at least an Ethernet header.
  [[nodiscard, gnu::noinline, gnu::cold]] Verdict admit(Bytes frame) noexcept {
    const Sender sender = sender_of(frame);
    if (is_allowed(peers_, sender.address)) {
      return peer_.take() ? Verdict::to_kernel : Verdict::drop_kernel_limited_peer;
    }
    if (sender.link) return link_.take() ? Verdict::to_kernel : Verdict::drop_kernel_limited_link;
    return rest_.take() ? Verdict::to_kernel : Verdict::drop_kernel_limited;
  }

 private:
  struct Sender {
    Bytes address{};    // empty: none that is known
    bool link = false;  // of the link itself
  };

  // What stands behind the Ethernet header and any tags.
  [[nodiscard]] static Sender sender_of(Bytes frame) noexcept {
    using wire::EtherType;
    std::size_t at = sizeof(wire::EthernetHeader);
    auto type = static_cast<EtherType>(load_be<std::uint16_t>(frame.data() + at - 2));
    while ((type == EtherType::vlan || type == EtherType::stacked_vlan) && frame.size() >= at + sizeof(wire::VlanTag)) {
      at += sizeof(wire::VlanTag);
      type = static_cast<EtherType>(load_be<std::uint16_t>(frame.data() + at - 2));
    }
    const Bytes packet = frame.subspan(at);
    switch (type) {
      case EtherType::arp:
        if (packet.size() < sizeof(wire::ArpPacket)) return {{}, true};
        return {bytes_of(reinterpret_cast<const wire::ArpPacket*>(packet.data())->sender_address), true};
      case EtherType::ipv4:
        if (packet.size() < sizeof(wire::Ipv4Header)) return {};
        return {bytes_of(reinterpret_cast<const wire::Ipv4Header*>(packet.data())->source), false};
      case EtherType::ipv6:
        return sender_v6(packet);
      default:
        return {{}, true};
    }
  }
  [[nodiscard]] static Sender sender_v6(Bytes packet) noexcept {
    if (packet.size() < sizeof(wire::Ipv6Header)) return {};
    const auto& header = *reinterpret_cast<const wire::Ipv6Header*>(packet.data());
    const bool icmpv6 = header.next_header == static_cast<std::uint8_t>(wire::IpProtocol::icmpv6);
    // RFC 4861 section 6.1, 7.1: 255 hops are left of what comes from the link.
    if (!icmpv6 || header.hop_limit != 255 || packet.size() == sizeof header) return {bytes_of(header.source), false};
    const std::uint8_t type = packet[sizeof header];
    return {bytes_of(header.source), type >= kFirstDiscovery && type <= kLastDiscovery};
  }
  template <class Address>
  [[nodiscard]] static Bytes bytes_of(const Address& address) noexcept {
    return {address.bytes.data(), address.bytes.size()};
  }

  static constexpr std::uint8_t kFirstDiscovery = 133;  // router solicitation
  static constexpr std::uint8_t kLastDiscovery = 137;   // redirect

  const AllowedNetworks peers_;
  tcp::TokenBucket peer_;
  tcp::TokenBucket link_;
  tcp::TokenBucket rest_;
};

}  // namespace gl::datapath
