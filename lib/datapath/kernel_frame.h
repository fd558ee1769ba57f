// What the kernel beside us sends, on its way out of a service's port: whole or not, and its transport checksum, which
// the kernel leaves unfinished where it takes its end of the cable for a NIC that computes it. Another machine's kernel
// on the same host does so as well, and what it sends to our kernel is finished here too.
// Byte order: wire. Ownership: writes the checksum field. Thread: pure functions. Errors: by value.
#pragma once

#include <cstddef>
#include <cstdint>

#include "lib/base/bytes.h"
#include "lib/base/endian.h"
#include "lib/datapath/interface.h"
#include "lib/wire/checksum.h"
#include "lib/wire/ethernet.h"
#include "lib/wire/ipv4.h"
#include "lib/wire/ipv6.h"
#include "lib/wire/tcp.h"
#include "lib/wire/udp.h"

namespace gl::datapath {

enum class KernelFrame : std::uint8_t { good, too_long, other_mac };

namespace detail {

// An unfinished field holds the sum of the pseudo header, which is otherwise there by chance only; and a checksum that
// is right already comes out the same again.
inline void finish_layer4(std::uint8_t protocol, MutableBytes payload, wire::PartialSum pseudo) noexcept {
  const bool udp = protocol == static_cast<std::uint8_t>(wire::IpProtocol::udp);
  if (!udp && protocol != static_cast<std::uint8_t>(wire::IpProtocol::tcp)) return;
  if (payload.size() < (udp ? sizeof(wire::UdpHeader) : sizeof(wire::TcpHeader))) return;
  std::uint8_t* const field = payload.data() + (udp ? 6 : 16);
  if (wire::detail::load_raw<std::uint16_t>(field) != wire::fold(pseudo)) return;
  wire::detail::store_raw<std::uint16_t>(field, 0);
  Be16 checksum = wire::checksum(wire::sum_bytes(payload.data(), payload.size(), pseudo));
  if (udp && checksum == Be16(0)) checksum = Be16(0xffff);  // RFC 768: zero is sent as all ones
  store_be(field, checksum.host());
}

// False: the packet is longer than what there is of it.
[[nodiscard]] inline bool finish_ipv4(MutableBytes packet) noexcept {
  if (packet.size() < sizeof(wire::Ipv4Header)) return false;
  const auto& header = *reinterpret_cast<const wire::Ipv4Header*>(packet.data());
  const std::size_t header_length = header.header_length();
  const std::size_t total = header.total_length.host();
  if (total > packet.size() || header_length < sizeof header || header_length > total) return false;
  if (header.is_fragment()) return true;
  const MutableBytes payload = packet.subspan(header_length, total - header_length);
  finish_layer4(
      header.protocol, payload,
      wire::pseudo_v4(header.source.bytes.data(), header.destination.bytes.data(), header.protocol, payload.size()));
  return true;
}

[[nodiscard]] inline bool finish_ipv6(MutableBytes packet) noexcept {
  if (packet.size() < sizeof(wire::Ipv6Header)) return false;
  const auto& header = *reinterpret_cast<const wire::Ipv6Header*>(packet.data());
  const std::size_t length = header.payload_length.host();
  if (length > packet.size() - sizeof header) return false;
  const MutableBytes payload = packet.subspan(sizeof header, length);
  const wire::ExtensionWalk walk = wire::walk_extensions(header.next_header, payload);
  if (walk.kind != wire::ExtensionWalk::Kind::upper_layer) return true;
  const MutableBytes upper = payload.subspan(walk.length);
  finish_layer4(
      walk.protocol, upper,
      wire::pseudo_v6(header.source.bytes.data(), header.destination.bytes.data(), walk.protocol, upper.size()));
  return true;
}

struct Layer3 {
  wire::EtherType type{};
  MutableBytes packet;
};

// Behind the Ethernet header and at most one tag; without a type where the frame ends before.
[[nodiscard]] inline Layer3 layer3_of(MutableBytes frame) noexcept {
  if (frame.size() < sizeof(wire::EthernetHeader)) return {};
  std::size_t at = sizeof(wire::EthernetHeader);
  auto type = static_cast<wire::EtherType>(reinterpret_cast<const wire::EthernetHeader*>(frame.data())->type.host());
  if (type == wire::EtherType::vlan) {
    if (frame.size() < at + sizeof(wire::VlanTag)) return {};
    type = static_cast<wire::EtherType>(reinterpret_cast<const wire::VlanTag*>(frame.data() + at)->type.host());
    at += sizeof(wire::VlanTag);
  }
  return {type, frame.subspan(at)};
}

// False: the packet is longer than what there is of it.
[[nodiscard]] inline bool finish_layer3(const Layer3& found) noexcept {
  if (found.type == wire::EtherType::ipv4) return finish_ipv4(found.packet);
  if (found.type == wire::EtherType::ipv6) return finish_ipv6(found.packet);
  return true;
}

}  // namespace detail

// Makes `frame` ready to leave through `interface`, or says why it cannot.
[[nodiscard]] inline KernelFrame finish_kernel_frame(MutableBytes frame, const Interface& interface) noexcept {
  const detail::Layer3 found = detail::layer3_of(frame);
  if (found.packet.data() == nullptr) return KernelFrame::too_long;
  const auto& header = *reinterpret_cast<const wire::EthernetHeader*>(frame.data());
  if (header.source != interface.mac) return KernelFrame::other_mac;
  if (found.packet.size() > interface.mtu) return KernelFrame::too_long;
  return detail::finish_layer3(found) ? KernelFrame::good : KernelFrame::too_long;
}

// The same of a frame to the kernel that a machine beside this one left unfinished (virtio). What is too short or
// broken stays as it is.
inline void finish_received_frame(MutableBytes frame) noexcept {
  static_cast<void>(detail::finish_layer3(detail::layer3_of(frame)));
}

}  // namespace gl::datapath
