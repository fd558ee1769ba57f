// The edge between mbufs and the stages: a received mbuf as a Frame, and replies as mbufs in the port's transmit burst.
// Ownership: holds the received mbuf until it is replied with or taken back. Thread: one core.
#pragma once

#include <rte_mbuf.h>

#include <utility>

#include "lib/datapath/counters.h"
#include "lib/datapath/frame.h"
#include "lib/dpdk/burst.h"
#include "lib/dpdk/mbuf_pool.h"

namespace gl::worker {

[[nodiscard]] inline datapath::Frame frame_of(rte_mbuf* mbuf) noexcept {
  datapath::Frame frame;
  frame.data = rte_pktmbuf_mtod(mbuf, std::uint8_t*);
  frame.length = mbuf->data_len;
  frame.capacity = static_cast<std::size_t>(mbuf->buf_len - mbuf->data_off);
  frame.ipv4_checksum_good = (mbuf->ol_flags & RTE_MBUF_F_RX_IP_CKSUM_MASK) == RTE_MBUF_F_RX_IP_CKSUM_GOOD;
  frame.l4_checksum_good = (mbuf->ol_flags & RTE_MBUF_F_RX_L4_CKSUM_MASK) == RTE_MBUF_F_RX_L4_CKSUM_GOOD;
  return frame;
}

// The frame's length and what the port is to compute, into its mbuf.
inline void seal_mbuf(rte_mbuf* mbuf, const datapath::Frame& frame) noexcept {
  using Layer4 = datapath::TxOffload::Layer4;
  mbuf->data_len = static_cast<std::uint16_t>(frame.length);
  mbuf->pkt_len = static_cast<std::uint32_t>(frame.length);
  std::uint64_t flags = 0;
  if (frame.tx.ipv4_checksum) flags |= RTE_MBUF_F_TX_IP_CKSUM;
  if (frame.tx.layer4 == Layer4::udp) flags |= RTE_MBUF_F_TX_UDP_CKSUM;
  if (frame.tx.layer4 == Layer4::tcp) flags |= RTE_MBUF_F_TX_TCP_CKSUM;
  if (flags != 0) {
    flags |= frame.tx.v6 ? RTE_MBUF_F_TX_IPV6 : RTE_MBUF_F_TX_IPV4;
    mbuf->tx_offload = 0;
    mbuf->l2_len = frame.tx.l2_length & 0x7fu;
    mbuf->l3_len = frame.tx.l3_length & 0x1ffu;
  }
  mbuf->ol_flags = flags;
}

class MbufSink {
 public:
  MbufSink(dpdk::TxBurst& out, rte_mempool* pool, datapath::CoreCounters& counters) noexcept
      : out_(out), pool_(pool), counters_(counters) {}

  // The frame that the next reply() is written in.
  void receive(rte_mbuf* mbuf) noexcept { received_.reset(mbuf); }
  // What was received and not replied with, or null.
  [[nodiscard]] rte_mbuf* take_back() noexcept { return received_.release(); }

  // No other core polls: every reply of a backend is this core's.
  [[nodiscard]] bool hand_over(unsigned) noexcept { return false; }
  void reply(datapath::Frame& frame) noexcept { push(std::move(received_), frame); }
  [[nodiscard]] bool extra(datapath::Frame& frame) noexcept {
    extra_.reset(rte_pktmbuf_alloc(pool_));
    if (extra_ == nullptr) return false;
    frame = frame_of(extra_.get());
    return true;
  }
  void send_extra(datapath::Frame& frame) noexcept { push(std::move(extra_), frame); }

  void flush() noexcept {
    if (out_.empty()) return;
    const dpdk::TxResult result = out_.flush();
    counters_.sent.add(result.sent);
    counters_.sent_bytes.add(result.sent_bytes);
    counters_.tx_full.add(result.lost);
  }

 private:
  void push(dpdk::Mbuf mbuf, const datapath::Frame& frame) noexcept {
    seal_mbuf(mbuf.get(), frame);
    if (out_.full()) flush();
    out_.push(std::move(mbuf));
  }

  dpdk::TxBurst& out_;
  rte_mempool* pool_;
  datapath::CoreCounters& counters_;
  dpdk::Mbuf received_;
  dpdk::Mbuf extra_;
};

}  // namespace gl::worker
