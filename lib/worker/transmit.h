// Frames into a port's transmit burst, and the burst out, counted.
// Ownership: the burst takes the mbuf. Thread: one core.
#pragma once

#include <utility>

#include "lib/datapath/counters.h"
#include "lib/dpdk/burst.h"
#include "lib/worker/mbuf_frame.h"

namespace gl::worker {

inline void flush_burst(dpdk::TxBurst& out, datapath::CoreCounters& counters) noexcept {
  if (out.empty()) return;
  const dpdk::TxResult result = out.flush();
  counters.sent.add(result.sent);
  counters.sent_bytes.add(result.sent_bytes);
  counters.tx_full.add(result.lost);
}

// `frame` lies in `mbuf`.
inline void push_frame(dpdk::TxBurst& out, dpdk::Mbuf mbuf, const datapath::Frame& frame,
                       datapath::CoreCounters& counters) noexcept {
  finish_mbuf(mbuf.get(), frame);
  if (out.full()) flush_burst(out, counters);
  out.push(std::move(mbuf));
}

}  // namespace gl::worker
