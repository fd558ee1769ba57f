#include "lib/worker/kernel_port.h"

#include <rte_ethdev.h>

#include <array>
#include <utility>

#include "lib/datapath/kernel_frame.h"
#include "lib/worker/transmit.h"

namespace gl::worker {

namespace {

void flush_to_kernel(WorkerContext& context, PortQueue& kernel) noexcept {
  if (!kernel.out.empty()) context.counters.kernel_tx_full.add(kernel.out.flush().lost);
}

void send_on(WorkerContext& context, PortQueue& port, dpdk::Mbuf mbuf) noexcept {
  using datapath::KernelFrame;
  // One buffer holds what a port of this MTU can bring.
  const MutableBytes bytes(rte_pktmbuf_mtod(mbuf.get(), std::uint8_t*), mbuf->data_len);
  const KernelFrame found =
      mbuf->nb_segs == 1 ? datapath::finish_kernel_frame(bytes, *port.interface) : KernelFrame::too_long;
  if (found == KernelFrame::too_long) return context.counters.from_kernel_too_long.add();
  if (found == KernelFrame::other_mac) return context.counters.from_kernel_other_mac.add();
  context.counters.from_kernel.add();
  context.counters.from_kernel_bytes.add(bytes.size());
  mbuf->ol_flags = 0;
  if (port.out.full()) flush_burst(port.out, context.counters);
  port.out.push(std::move(mbuf));
}

}  // namespace

void give_to_kernel(WorkerContext& context, PortQueue& port, dpdk::Mbuf frame) noexcept {
  // Its checksum was vouched for by the port, which our kernel cannot know.
  if ((frame->ol_flags & RTE_MBUF_F_RX_L4_CKSUM_MASK) == RTE_MBUF_F_RX_L4_CKSUM_NONE) {
    datapath::finish_received_frame({rte_pktmbuf_mtod(frame.get(), std::uint8_t*), frame->data_len});
  }
  frame->ol_flags = 0;
  if (port.kernel->out.full()) flush_to_kernel(context, *port.kernel);
  port.kernel->out.push(std::move(frame));
}

unsigned take_from_kernel(WorkerContext& context, Round& round) noexcept {
  unsigned total = 0;
  for (std::size_t i = 0; i < context.port_count; ++i) {
    PortQueue& port = context.ports[i];
    if (port.kernel == nullptr) continue;
    flush_to_kernel(context, *port.kernel);
    std::array<rte_mbuf*, dpdk::kBurst> mbufs;
    const auto queue = static_cast<std::uint16_t>(context.settings.index);
    const std::uint16_t count = rte_eth_rx_burst(port.kernel->port, queue, mbufs.data(), dpdk::kBurst);
    if (count == 0) continue;
    round.begin();
    std::uint64_t bytes = 0;
    for (std::uint16_t n = 0; n < count; ++n) {
      bytes += mbufs[n]->pkt_len;
      send_on(context, port, dpdk::Mbuf(mbufs[n]));
    }
    port.kernel->received.add(count);
    port.kernel->received_bytes.add(bytes);
    flush_burst(port.out, context.counters);
    total += count;
  }
  return total;
}

}  // namespace gl::worker
