// The edge between mbufs and the stages: a received mbuf as a Frame, and replies as mbufs in the port's transmit burst.
// Ownership: holds the received mbuf until it is replied with or taken back. Thread: one core.
#pragma once

#include <utility>

#include "lib/datapath/counters.h"
#include "lib/dpdk/burst.h"
#include "lib/dpdk/mbuf_pool.h"
#include "lib/worker/handoff.h"
#include "lib/worker/transmit.h"

namespace gl::worker {

class MbufSink {
 public:
  MbufSink(dpdk::TxBurst& out, rte_mempool* pool, datapath::CoreCounters& counters, HandoffEnd handoff = {},
           std::uint16_t interface = 0) noexcept
      : out_(out), pool_(pool), counters_(counters), handoff_(handoff), interface_(interface) {}

  // The frame that the next reply() is written in.
  void receive(rte_mbuf* mbuf) noexcept { received_.reset(mbuf); }
  // What was received and not replied with, or null.
  [[nodiscard]] rte_mbuf* take_back() noexcept { return received_.release(); }

  [[nodiscard]] bool hand_off(unsigned core) noexcept {
    received_->port = interface_;
    if (!handoff_.give(core, received_.get())) return false;
    static_cast<void>(received_.release());
    return true;
  }
  void reply(datapath::Frame& frame) noexcept { push(std::move(received_), frame); }
  [[nodiscard]] bool extra(datapath::Frame& frame) noexcept {
    extra_.reset(rte_pktmbuf_alloc(pool_));
    if (extra_ == nullptr) return false;
    frame = frame_of(extra_.get());
    return true;
  }
  void send_extra(datapath::Frame& frame) noexcept { push(std::move(extra_), frame); }

  void flush() noexcept { flush_burst(out_, counters_); }

 private:
  void push(dpdk::Mbuf mbuf, const datapath::Frame& frame) noexcept {
    push_frame(out_, std::move(mbuf), frame, counters_);
  }

  dpdk::TxBurst& out_;
  rte_mempool* pool_;
  datapath::CoreCounters& counters_;
  HandoffEnd handoff_;
  std::uint16_t interface_;
  dpdk::Mbuf received_;
  dpdk::Mbuf extra_;
};

}  // namespace gl::worker
