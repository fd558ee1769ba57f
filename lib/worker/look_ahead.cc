#include "lib/worker/look_ahead.h"

#include <array>

#include "lib/base/prefetch.h"
#include "lib/dpdk/burst.h"
#include "lib/wire/ethernet.h"
#include "lib/wire/ipv4.h"
#include "lib/wire/ipv6.h"
#include "lib/wire/tcp.h"
#include "lib/wire/udp.h"

namespace gl::worker {
namespace {

Bytes after(Bytes bytes, std::size_t count) noexcept {
  return bytes.size() < count ? Bytes{} : bytes.subspan(count);
}

Bytes payload_of(Bytes l4, std::uint8_t protocol, const Registry::Ahead& ahead) noexcept {
  if (l4.size() < sizeof(wire::UdpHeader) || load_be<std::uint16_t>(l4.data() + 2) != ahead.port) return {};
  if (protocol == static_cast<std::uint8_t>(wire::IpProtocol::udp)) return after(l4, sizeof(wire::UdpHeader));
  if (protocol != static_cast<std::uint8_t>(wire::IpProtocol::tcp) || l4.size() < sizeof(wire::TcpHeader)) return {};
  return after(l4, reinterpret_cast<const wire::TcpHeader*>(l4.data())->header_length() + ahead.stream_prefix);
}

}  // namespace

Bytes request_in(Bytes frame, const Registry::Ahead& ahead) noexcept {
  if (frame.size() < sizeof(wire::EthernetHeader) + sizeof(wire::VlanTag)) return {};
  std::size_t l2 = sizeof(wire::EthernetHeader);
  auto type = load_be<std::uint16_t>(frame.data() + l2 - 2);
  if (type == static_cast<std::uint16_t>(wire::EtherType::vlan)) {
    l2 += sizeof(wire::VlanTag);
    type = load_be<std::uint16_t>(frame.data() + l2 - 2);
  }
  const Bytes packet = frame.subspan(l2);
  if (type == static_cast<std::uint16_t>(wire::EtherType::ipv4) && packet.size() >= sizeof(wire::Ipv4Header)) {
    const auto& header = *reinterpret_cast<const wire::Ipv4Header*>(packet.data());
    return payload_of(after(packet, header.header_length()), header.protocol, ahead);
  }
  if (type == static_cast<std::uint16_t>(wire::EtherType::ipv6) && packet.size() >= sizeof(wire::Ipv6Header)) {
    const auto& header = *reinterpret_cast<const wire::Ipv6Header*>(packet.data());
    return payload_of(after(packet, sizeof header), header.next_header, ahead);
  }
  return {};
}

void look_ahead(const Registry::Ahead& ahead, std::span<rte_mbuf* const> burst) noexcept {
  for (const rte_mbuf* const mbuf : burst) prefetch_for_read(rte_pktmbuf_mtod(mbuf, const std::uint8_t*), 128);
  std::array<Bytes, dpdk::kBurst> requests;
  std::size_t count = 0;
  for (const rte_mbuf* const mbuf : burst) {
    const Bytes request = request_in({rte_pktmbuf_mtod(mbuf, const std::uint8_t*), mbuf->data_len}, ahead);
    if (!request.empty()) requests[count++] = request;
  }
  if (count > 1) ahead.service->look_ahead(std::span(requests).first(count));
}

}  // namespace gl::worker
