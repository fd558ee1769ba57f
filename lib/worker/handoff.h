// Datagrams that arrived at another core than the one whose they are (replies of name servers, what comes to a port
// that a service shares out among the cores): a ring for every ordered pair of cores.
// Byte order: none. Ownership: a frame is its ring's until the owner takes it; what lies there at the end is freed. A
// frame's mbuf->port is the index of the interface that it came through. Thread: made by the main core; `from` and `to`
// are the calling core's own number. Errors: a full ring refuses.
#pragma once

#include <rte_mbuf.h>

#include <cstddef>
#include <memory>
#include <vector>

#include "lib/dpdk/spsc_ring.h"

namespace gl::worker {

class Handoff {
 public:
  static constexpr unsigned kCapacity = 256;  // frames a ring

  explicit Handoff(unsigned cores) : cores_(cores) {
    for (unsigned i = 0; i < cores * cores; ++i) {
      rings_.push_back(i / cores == i % cores ? nullptr : std::make_unique<Ring>(kCapacity));
    }
  }
  Handoff(const Handoff&) = delete;
  Handoff& operator=(const Handoff&) = delete;
  ~Handoff() {
    for (const auto& ring : rings_) {
      while (rte_mbuf* const mbuf = ring == nullptr ? nullptr : ring->pop()) rte_pktmbuf_free(mbuf);
    }
  }

  [[nodiscard]] bool give(unsigned from, unsigned to, rte_mbuf* mbuf) noexcept {
    return from != to && to < cores_ && ring(from, to).push(mbuf);
  }
  // Up to `most` of each other core, each to `take`, whose they are then. How many.
  template <class Take>
  unsigned take(unsigned to, unsigned most, Take take) noexcept {
    unsigned count = 0;
    for (unsigned from = 0; from < cores_; ++from) {
      if (from == to) continue;
      for (unsigned i = 0; i < most; ++i) {
        rte_mbuf* const mbuf = ring(from, to).pop();
        if (mbuf == nullptr) break;
        take(mbuf);
        ++count;
      }
    }
    return count;
  }

 private:
  using Ring = dpdk::SpscRing<rte_mbuf>;
  [[nodiscard]] Ring& ring(unsigned from, unsigned to) noexcept { return *rings_[from * cores_ + to]; }

  unsigned cores_;
  std::vector<std::unique_ptr<Ring>> rings_;
};

// One core's end of it; without rings nothing is given.
struct HandoffEnd {
  Handoff* rings = nullptr;
  unsigned core = 0;
  [[nodiscard]] bool give(unsigned to, rte_mbuf* mbuf) const noexcept {
    return rings != nullptr && rings->give(core, to, mbuf);
  }
};

}  // namespace gl::worker
