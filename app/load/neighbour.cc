#include "app/load/neighbour.h"

#include <rte_cycles.h>
#include <rte_ethdev.h>

#include <cstring>

#include "app/load/checksum.h"
#include "app/load/templates.h"
#include "lib/base/endian.h"

namespace gl::load {
namespace {

constexpr std::uint16_t kArp = 0x0806;
constexpr std::uint8_t kSolicitation = 135;
constexpr std::uint8_t kAdvertisement = 136;
constexpr std::size_t kNdpFrame = Ip6::kL4 + 24 + 8;

std::uint8_t* start_frame(rte_mbuf* m, const std::uint8_t* to, const wire::MacAddress& from, std::uint16_t type,
                          std::size_t length) {
  std::uint8_t* const frame = reset(m);
  std::memset(frame, 0, length);
  std::memcpy(frame, to, 6);
  std::memcpy(frame + 6, from.bytes.data(), 6);
  store_be(frame + 12, type);
  m->data_len = static_cast<std::uint16_t>(length);
  m->pkt_len = static_cast<std::uint32_t>(length);
  return frame;
}

}  // namespace

bool Neighbour::is_ours(const std::uint8_t* address) const noexcept {
  const std::size_t shared = options_.sources.v6 ? 12 : 0;
  return std::memcmp(address, options_.sources.first.data(), shared) == 0 &&
         load_be<std::uint32_t>(address + shared) - options_.sources.low < options_.sources.count;
}

void Neighbour::send_arp(std::uint16_t operation, const std::uint8_t* target_mac, const std::uint8_t* sender_ip,
                         const std::uint8_t* target_ip) noexcept {
  rte_mbuf* const m = output_.take();
  if (m == nullptr) return;
  const bool request = operation == 1;
  std::uint8_t* const arp =
      start_frame(m, request ? wire::kBroadcastMac.bytes.data() : target_mac, ours_, kArp, 60) + kEthernet;
  store_be<std::uint16_t>(arp, 1);
  store_be<std::uint16_t>(arp + 2, 0x0800);
  arp[4] = 6;
  arp[5] = 4;
  store_be(arp + 6, operation);
  std::memcpy(arp + 8, ours_.bytes.data(), 6);
  std::memcpy(arp + 14, sender_ip, 4);
  if (!request) std::memcpy(arp + 18, target_mac, 6);
  std::memcpy(arp + 24, target_ip, 4);
  output_.send(m);
}

void Neighbour::send_ndp(std::uint8_t type, const std::uint8_t* to_mac, const std::uint8_t* from,
                         const std::uint8_t* to, const std::uint8_t* about) noexcept {
  rte_mbuf* const m = output_.take();
  if (m == nullptr) return;
  std::uint8_t* const ip = start_frame(m, to_mac, ours_, Ip6::kEtherType, kNdpFrame) + kEthernet;
  ip[0] = 0x60;
  store_be<std::uint16_t>(ip + 4, 32);
  ip[6] = 58;   // ICMPv6
  ip[7] = 255;  // RFC 4861 section 7.1: anything less was forwarded
  std::memcpy(ip + 8, from, 16);
  std::memcpy(ip + 24, to, 16);
  std::uint8_t* const icmp = ip + Ip6::kHeader;
  icmp[0] = type;
  if (type == kAdvertisement) icmp[4] = 0x60;  // solicited, override
  std::memcpy(icmp + 8, about, 16);
  icmp[24] = type == kSolicitation ? 1 : 2;  // source or target link-layer address
  icmp[25] = 1;
  std::memcpy(icmp + 26, ours_.bytes.data(), 6);
  put16(icmp + 2, checksum(sum_bytes(ip + 8, 32) + raw16(32) + raw16(58) + sum_bytes(icmp, 32)));
  output_.send(m);
}

void Neighbour::ask() noexcept {
  if (const auto* v4 = std::get_if<wire::Ipv4Address>(&options_.target)) {
    send_arp(1, nullptr, options_.sources.first.data(), v4->bytes.data());
  } else {
    const auto& v6 = std::get<wire::Ipv6Address>(options_.target);
    const auto group = v6.solicited_node();
    send_ndp(kSolicitation, group.multicast_mac().bytes.data(), options_.sources.first.data(), group.bytes.data(),
             v6.bytes.data());
  }
  output_.flush();
}

void Neighbour::receive_arp(Bytes frame) noexcept {
  if (frame.size() < kEthernet + 28 || options_.sources.v6) return;
  const std::uint8_t* const arp = frame.data() + kEthernet;
  const auto operation = load_be<std::uint16_t>(arp + 6);
  if (operation == 1 && is_ours(arp + 24)) {
    send_arp(2, arp + 8, arp + 24, arp + 14);
  } else if (operation == 2 &&
             std::memcmp(arp + 14, std::get<wire::Ipv4Address>(options_.target).bytes.data(), 4) == 0) {
    std::memcpy(found_.emplace().bytes.data(), arp + 8, 6);
  }
}

void Neighbour::receive_ndp(Bytes frame) noexcept {
  if (frame.size() < kNdpFrame - 8 || !options_.sources.v6) return;
  const std::uint8_t* const ip = frame.data() + kEthernet;
  const std::uint8_t* const icmp = ip + Ip6::kHeader;
  if (ip[6] != 58 || ip[7] != 255) return;
  if (icmp[0] == kSolicitation && is_ours(icmp + 8)) {
    send_ndp(kAdvertisement, frame.data() + 6, icmp + 8, ip + 8, icmp + 8);
  } else if (icmp[0] == kAdvertisement && frame.size() >= kNdpFrame && icmp[24] == 2 &&
             std::memcmp(icmp + 8, std::get<wire::Ipv6Address>(options_.target).bytes.data(), 16) == 0) {
    std::memcpy(found_.emplace().bytes.data(), icmp + 26, 6);
  }
}

void Neighbour::receive(rte_mbuf* m) noexcept {
  const Bytes frame(rte_pktmbuf_mtod(m, const std::uint8_t*), m->data_len);
  if (frame.size() >= kEthernet) {
    const auto type = load_be<std::uint16_t>(frame.data() + 12);
    if (type == kArp)
      receive_arp(frame);
    else if (type == Ip6::kEtherType)
      receive_ndp(frame);
  }
  output_.recycle(m);
}

Result<wire::MacAddress> Neighbour::resolve(std::uint16_t port) {
  for (int attempt = 0; attempt < 12 && !found_; ++attempt) {
    ask();
    const std::uint64_t until = rte_rdtsc() + rte_get_tsc_hz() / 4;
    while (rte_rdtsc() < until && !found_) {
      std::array<rte_mbuf*, kBurst> burst;
      const std::uint16_t count = rte_eth_rx_burst(port, 0, burst.data(), kBurst);
      for (std::uint16_t i = 0; i < count; ++i) receive(burst[i]);
      output_.flush();
    }
  }
  if (!found_) return Error{"--target: nobody answers for it on port " + std::to_string(port) + "; see --target-mac"};
  return *found_;
}

}  // namespace gl::load
