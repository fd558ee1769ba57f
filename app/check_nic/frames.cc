#include "app/check_nic/frames.h"

#include <algorithm>
#include <cstring>

#include "lib/base/endian.h"
#include "lib/wire/checksum.h"
#include "lib/wire/ethernet.h"
#include "lib/wire/ipv4.h"
#include "lib/wire/ipv6.h"
#include "lib/wire/tcp.h"
#include "lib/wire/udp.h"

namespace gl::check_nic {

namespace {

constexpr std::uint64_t kMagic = 0x476f6c64696c6f63;
constexpr std::size_t kMark = sizeof kMagic + sizeof(std::uint32_t);
constexpr std::uint16_t kVlan = 53;
constexpr auto kTcp = static_cast<std::uint8_t>(wire::IpProtocol::tcp);
constexpr auto kUdp = static_cast<std::uint8_t>(wire::IpProtocol::udp);

std::uint8_t filler(std::uint32_t number, std::size_t at) noexcept {
  return static_cast<std::uint8_t>(std::size_t{number} * 31 + at * 7);
}

std::uint8_t* write_link(std::uint8_t* at, const Ends& ends, const Shape& shape) {
  const auto type = static_cast<std::uint16_t>(shape.v6 ? wire::EtherType::ipv6 : wire::EtherType::ipv4);
  const auto tag = static_cast<std::uint16_t>(wire::EtherType::vlan);
  new (at) wire::EthernetHeader{ends.destination, ends.source, Be16(shape.vlan ? tag : type)};
  at += sizeof(wire::EthernetHeader);
  if (!shape.vlan) return at;
  new (at) wire::VlanTag{Be16(kVlan), Be16(type)};
  return at + sizeof(wire::VlanTag);
}

// Both return the sum of the pseudo header.
wire::PartialSum write_ipv4(std::uint8_t* at, const Shape& shape, const dpdk::UdpFlow& flow, std::size_t payload,
                            bool left) {
  auto& header = *reinterpret_cast<wire::Ipv4Header*>(at);
  const std::uint8_t protocol = shape.tcp ? kTcp : kUdp;
  header = {0x45,
            0,
            Be16(static_cast<std::uint16_t>(sizeof header + payload)),
            Be16(0),
            Be16(wire::Ipv4Header::kDontFragment),
            64,
            protocol,
            Be16(0),
            std::get<wire::Ipv4Address>(flow.source),
            std::get<wire::Ipv4Address>(flow.destination)};
  if (!left) header.checksum = wire::checksum(wire::sum_bytes(at, sizeof header));
  if (shape.sums == Sums::wrong_ipv4) header.checksum = Be16(header.checksum.host() ^ 0x0101);
  return wire::pseudo_v4(header.source.bytes.data(), header.destination.bytes.data(), protocol, payload);
}

wire::PartialSum write_ipv6(std::uint8_t* at, const Shape& shape, const dpdk::UdpFlow& flow, std::size_t payload) {
  auto& header = *reinterpret_cast<wire::Ipv6Header*>(at);
  const std::uint8_t protocol = shape.tcp ? kTcp : kUdp;
  header = {Be32(0x60000000),
            Be16(static_cast<std::uint16_t>(payload)),
            protocol,
            64,
            std::get<wire::Ipv6Address>(flow.source),
            std::get<wire::Ipv6Address>(flow.destination)};
  return wire::pseudo_v6(header.source.bytes.data(), header.destination.bytes.data(), protocol, payload);
}

// Returns where the payload begins.
std::size_t write_layer4(std::uint8_t* at, const Shape& shape, const dpdk::UdpFlow& flow, std::size_t length) {
  if (shape.tcp) {
    constexpr std::uint8_t kAck = 0x10;
    *reinterpret_cast<wire::TcpHeader*>(at) = {Be16(flow.source_port),
                                               Be16(flow.destination_port),
                                               Be32(1),
                                               Be32(1),
                                               0x50,
                                               kAck,
                                               Be16(4096),
                                               Be16(0),
                                               Be16(0)};
    return sizeof(wire::TcpHeader);
  }
  *reinterpret_cast<wire::UdpHeader*>(at) = {Be16(flow.source_port), Be16(flow.destination_port),
                                             Be16(static_cast<std::uint16_t>(length)), Be16(0)};
  return sizeof(wire::UdpHeader);
}

void write_payload(std::uint8_t* at, std::size_t length, std::uint32_t number) {
  store_be(at, kMagic);
  store_be(at + sizeof kMagic, number);
  for (std::size_t i = kMark; i < length; ++i) at[i] = filler(number, i);
}

// Whether the port computes this layer's checksum, as the shape wants it to.
bool left_to(const dpdk::PortOffloads& offloads, const Shape& shape) {
  return shape.sums == Sums::left_to_port && (shape.tcp ? offloads.tx_tcp_checksum : offloads.tx_udp_checksum);
}

}  // namespace

dpdk::UdpFlow flow_of(bool v6, std::uint32_t number) {
  dpdk::UdpFlow flow;
  flow.source_port = static_cast<std::uint16_t>(1024 + number * 7 % 60000);
  flow.destination_port = 9;  // discard
  const auto low = static_cast<std::uint8_t>(1 + number % 200);
  if (v6) {
    wire::Ipv6Address from{{0x20, 0x01, 0x0d, 0xb8}};
    wire::Ipv6Address to = from;
    from.bytes[15] = low;
    to.bytes[14] = 1;
    flow.source = from;
    flow.destination = to;
  } else {
    flow.source = wire::Ipv4Address{{192, 0, 2, low}};
    flow.destination = wire::Ipv4Address{{198, 51, 100, 1}};
  }
  return flow;
}

void write_frame(rte_mbuf* mbuf, const Ends& ends, const Shape& shape, std::uint32_t number,
                 const dpdk::PortOffloads& offloads) {
  const dpdk::UdpFlow flow = flow_of(shape.v6, number);
  auto* const start = rte_pktmbuf_mtod(mbuf, std::uint8_t*);
  std::uint8_t* const l3 = write_link(start, ends, shape);
  const std::size_t l3_length = shape.v6 ? sizeof(wire::Ipv6Header) : sizeof(wire::Ipv4Header);
  const std::size_t l4_length = shape.length - sizeof(wire::EthernetHeader) - l3_length;
  const bool ipv4_left = !shape.v6 && shape.sums == Sums::left_to_port && offloads.tx_ipv4_checksum;
  const bool l4_left = left_to(offloads, shape);
  const wire::PartialSum pseudo =
      shape.v6 ? write_ipv6(l3, shape, flow, l4_length) : write_ipv4(l3, shape, flow, l4_length, ipv4_left);
  std::uint8_t* const l4 = l3 + l3_length;
  const std::size_t header = write_layer4(l4, shape, flow, l4_length);
  write_payload(l4 + header, l4_length - header, number);
  if (!l4_left) {
    Be16 sum = wire::checksum(wire::sum_bytes(l4, l4_length, pseudo));
    if (!shape.tcp && sum == Be16(0)) sum = Be16(0xffff);
    if (shape.sums == Sums::wrong_layer4) sum = Be16(sum.host() ^ 0x0101);
    store_be(l4 + (shape.tcp ? 16 : 6), sum.host());
  }
  mbuf->data_len = static_cast<std::uint16_t>(l4 + l4_length - start);
  mbuf->pkt_len = mbuf->data_len;
  mbuf->ol_flags = 0;
  if (!ipv4_left && !l4_left) return;
  mbuf->tx_offload = 0;
  mbuf->l2_len = static_cast<std::uint64_t>(l3 - start) & 0x7fu;
  mbuf->l3_len = l3_length & 0x1ffu;
  mbuf->ol_flags = (shape.v6 ? RTE_MBUF_F_TX_IPV6 : RTE_MBUF_F_TX_IPV4) | (ipv4_left ? RTE_MBUF_F_TX_IP_CKSUM : 0);
  if (l4_left) mbuf->ol_flags |= shape.tcp ? RTE_MBUF_F_TX_TCP_CKSUM : RTE_MBUF_F_TX_UDP_CKSUM;
}

std::optional<Seen> read_frame(const rte_mbuf* mbuf) {
  if (mbuf->nb_segs != 1 || mbuf->data_len < sizeof(wire::EthernetHeader) + sizeof(wire::VlanTag)) return std::nullopt;
  const auto* const start = rte_pktmbuf_mtod(mbuf, const std::uint8_t*);
  Seen seen;
  std::size_t l3 = sizeof(wire::EthernetHeader);
  auto type = static_cast<wire::EtherType>(load_be<std::uint16_t>(start + 12));
  if (type == wire::EtherType::vlan) {
    seen.vlan = true;
    type = static_cast<wire::EtherType>(load_be<std::uint16_t>(start + 16));
    l3 += sizeof(wire::VlanTag);
  }
  seen.v6 = type == wire::EtherType::ipv6;
  if (!seen.v6 && type != wire::EtherType::ipv4) return std::nullopt;
  const std::size_t l3_length = seen.v6 ? sizeof(wire::Ipv6Header) : sizeof(wire::Ipv4Header);
  const std::size_t l4 = l3 + l3_length;
  if (mbuf->data_len < l4 + sizeof(wire::UdpHeader)) return std::nullopt;
  const std::size_t total = seen.v6 ? l3_length + load_be<std::uint16_t>(start + l3 + 4)
                                    : std::size_t{load_be<std::uint16_t>(start + l3 + 2)};
  const std::uint8_t protocol = start[l3 + (seen.v6 ? 6 : 9)];
  seen.tcp = protocol == kTcp;
  const std::size_t at = l4 + (seen.tcp ? sizeof(wire::TcpHeader) : sizeof(wire::UdpHeader));
  const std::size_t end = l3 + total;
  if (end > mbuf->data_len || end < at + kMark || load_be<std::uint64_t>(start + at) != kMagic) return std::nullopt;
  seen.number = load_be<std::uint32_t>(start + at + sizeof kMagic);
  seen.length = static_cast<std::uint16_t>(end - (seen.vlan ? sizeof(wire::VlanTag) : 0));
  seen.whole = true;
  for (std::size_t i = kMark; i < end - at; ++i) seen.whole = seen.whole && start[at + i] == filler(seen.number, i);
  seen.ipv4_sum = seen.v6 || wire::checksum_holds(wire::sum_bytes(start + l3, l3_length));
  const std::uint8_t* const source = start + l3 + (seen.v6 ? 8 : 12);
  const std::size_t address = seen.v6 ? 16 : 4;
  const auto pseudo = seen.v6 ? wire::pseudo_v6(source, source + address, protocol, end - l4)
                              : wire::pseudo_v4(source, source + address, protocol, end - l4);
  seen.layer4_sum = wire::checksum_holds(wire::sum_bytes(start + l4, end - l4, pseudo));
  return seen;
}

}  // namespace gl::check_nic
