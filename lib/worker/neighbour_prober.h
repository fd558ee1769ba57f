// One core asks for the link addresses of all next hops, when neighbour_clock.h says so. What the neighbours answer,
// any core learns.
// Units: milliseconds of a monotonic clock. Ownership: borrows paths, ports and counters. Thread: that core only.
// Errors: without a buffer it asks a second later.
#pragma once

#include <cstdint>
#include <span>

#include "lib/datapath/counters.h"
#include "lib/datapath/neighbour_clock.h"
#include "lib/dpdk/mbuf_pool.h"

namespace gl::worker {

struct PortQueue;

class NeighbourProber {
 public:
  NeighbourProber(datapath::NeighbourTable& table, std::span<PortQueue> ports, rte_mempool* pool,
                  datapath::CoreCounters& counters) noexcept
      : table_(table), ports_(ports), pool_(pool), counters_(counters) {}

  // As often as one likes: it looks once a millisecond.
  void tick(std::uint64_t now_ms) noexcept {
    if (now_ms == last_ms_) return;
    last_ms_ = now_ms;
    for (unsigned entry = 0; entry < table_.size(); ++entry) {
      const auto ask = clock_.tick(table_, entry, now_ms);
      if (ask != datapath::NeighbourClock::Ask::no) send(entry, ask);
    }
  }

 private:
  void send(unsigned entry, datapath::NeighbourClock::Ask ask) noexcept;

  datapath::NeighbourTable& table_;
  const std::span<PortQueue> ports_;
  rte_mempool* const pool_;
  datapath::CoreCounters& counters_;
  datapath::NeighbourClock clock_;
  std::uint64_t last_ms_ = UINT64_MAX;
};

}  // namespace gl::worker
