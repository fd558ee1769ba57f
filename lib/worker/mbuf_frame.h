// Mbufs as frames, and frames back into their mbufs.
// Ownership: borrows the mbuf. Thread: the core whose mbuf it is.
#pragma once

#include <rte_mbuf.h>

#include "lib/datapath/frame.h"

namespace gl::worker {

// What the port says of a checksum: right, or not in the frame at all because the frame has not left the host (virtio:
// a neighbour in the same machine has left it to a NIC that never was), and nothing was lost of the data (DPDK: NONE).
// Unknown and bad are looked at again, so that the right verdict counts them.
[[nodiscard]] inline bool ipv4_checksum_good(std::uint64_t flags) noexcept {
  const std::uint64_t said = flags & RTE_MBUF_F_RX_IP_CKSUM_MASK;
  return said == RTE_MBUF_F_RX_IP_CKSUM_GOOD || said == RTE_MBUF_F_RX_IP_CKSUM_NONE;
}
[[nodiscard]] inline bool l4_checksum_good(std::uint64_t flags) noexcept {
  const std::uint64_t said = flags & RTE_MBUF_F_RX_L4_CKSUM_MASK;
  return said == RTE_MBUF_F_RX_L4_CKSUM_GOOD || said == RTE_MBUF_F_RX_L4_CKSUM_NONE;
}

[[nodiscard]] inline datapath::Frame frame_of(rte_mbuf* mbuf) noexcept {
  datapath::Frame frame;
  frame.data = rte_pktmbuf_mtod(mbuf, std::uint8_t*);
  frame.length = mbuf->data_len;
  frame.capacity = static_cast<std::size_t>(mbuf->buf_len - mbuf->data_off);
  frame.ipv4_checksum_good = ipv4_checksum_good(mbuf->ol_flags);
  frame.l4_checksum_good = l4_checksum_good(mbuf->ol_flags);
  return frame;
}

// The frame's length and what the port is to compute, into its mbuf.
inline void finish_mbuf(rte_mbuf* mbuf, const datapath::Frame& frame) noexcept {
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

}  // namespace gl::worker
