#include "app/load/bench_backend.h"

#include <rte_ethdev.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <optional>
#include <utility>

#include "lib/base/endian.h"
#include "lib/dns/message.h"
#include "lib/dpdk/burst.h"
#include "lib/wire/checksum.h"
#include "lib/wire/ipv4.h"

namespace gl::load {
namespace {

constexpr std::size_t kEthernet = 14;
constexpr std::size_t kUdp = kEthernet + sizeof(wire::Ipv4Header);
constexpr std::size_t kMessage = kUdp + 8;
constexpr unsigned kRing = 4096;
// The name of the question, A, IN, a minute, an address.
constexpr std::array<std::uint8_t, 16> kAnswer = {0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 192, 0, 2, 1};

// Where the question ends, of a frame that is long enough to have one.
std::optional<std::size_t> question_end(const std::uint8_t* frame, std::size_t length) noexcept {
  std::size_t at = kMessage + dns::kHeaderSize;
  while (at < length && frame[at] != 0) at += frame[at] + 1u;
  at += 1 + 4;
  return at <= length ? std::optional(at) : std::nullopt;
}

void swap_ends(std::uint8_t* frame) noexcept {
  std::swap_ranges(frame, frame + 6, frame + 6);
  std::swap_ranges(frame + kUdp - 8, frame + kUdp - 4, frame + kUdp - 4);
  std::swap_ranges(frame + kUdp, frame + kUdp + 2, frame + kUdp + 2);
}

// Over the question's frame. False: it is no question over UDP and IPv4.
bool answer(rte_mbuf* mbuf) noexcept {
  std::uint8_t* const frame = rte_pktmbuf_mtod(mbuf, std::uint8_t*);
  if (mbuf->data_len < kMessage + dns::kHeaderSize || frame[12] != 8 || frame[kEthernet + 9] != 17) return false;
  const auto end = question_end(frame, mbuf->data_len);
  if (!end || rte_pktmbuf_tailroom(mbuf) < kAnswer.size()) return false;
  swap_ends(frame);
  std::uint8_t* const message = frame + kMessage;
  message[2] |= 0x80;  // QR
  message[3] = 0x80;   // RA, NOERROR
  store_be<std::uint16_t>(message + 6, 1);
  std::memset(message + 8, 0, 4);  // no authority, no OPT
  std::ranges::copy(kAnswer, frame + *end);
  const std::size_t length = *end + kAnswer.size();
  mbuf->data_len = static_cast<std::uint16_t>(length);
  mbuf->pkt_len = static_cast<std::uint32_t>(length);
  store_be(frame + kUdp + 4, static_cast<std::uint16_t>(length - kUdp));
  store_be<std::uint16_t>(frame + kUdp + 6, 0);  // RFC 768: no checksum
  store_be(frame + kEthernet + 2, static_cast<std::uint16_t>(length - kEthernet));
  auto& ip = *reinterpret_cast<wire::Ipv4Header*>(frame + kEthernet);
  ip.checksum = Be16(0);
  ip.checksum = wire::checksum(wire::sum_bytes(frame + kEthernet, sizeof ip));
  return true;
}

}  // namespace

Result<std::unique_ptr<BenchBackend>> BenchBackend::make(unsigned number) {
  auto pair = RingPair::make(kRing, number);
  if (!pair) return Error{pair.error()};
  auto own = open_side("backend", pair->ports()[0]);
  if (!own) return Error{own.error()};
  auto server = open_side("to_backend", pair->ports()[1]);
  if (!server) return Error{server.error()};
  return std::unique_ptr<BenchBackend>(new BenchBackend(std::move(*pair), std::move(*server), std::move(*own)));
}

void BenchBackend::poll() noexcept {
  std::array<rte_mbuf*, dpdk::kBurst> burst;
  const std::uint16_t count = rte_eth_rx_burst(own_.port.id(), 0, burst.data(), dpdk::kBurst);
  std::array<rte_mbuf*, dpdk::kBurst> replies;
  std::uint16_t answered = 0;
  for (std::uint16_t i = 0; i < count; ++i) {
    if (answer(burst[i])) {
      replies[answered++] = burst[i];
    } else {
      rte_pktmbuf_free(burst[i]);
    }
  }
  const std::uint16_t sent = rte_eth_tx_burst(own_.port.id(), 0, replies.data(), answered);
  for (std::uint16_t i = sent; i < answered; ++i) rte_pktmbuf_free(replies[i]);
}

}  // namespace gl::load
