// A pool of packet buffers, and one buffer with an owner.
// Units: sizes in bytes. Ownership: the pool frees itself, so it outlives ports and bursts. Thread: made and freed on
// the main core; buffers are taken and given back on any lcore, fastest on the one whose pool it is. Errors: one line.
#pragma once

#include <rte_mbuf.h>
#include <rte_mempool.h>

#include <memory>
#include <string>

#include "lib/base/result.h"

namespace gl::dpdk {

struct MbufDeleter {
  void operator()(rte_mbuf* mbuf) const noexcept { rte_pktmbuf_free(mbuf); }
};
using Mbuf = std::unique_ptr<rte_mbuf, MbufDeleter>;

class MbufPool {
 public:
  struct Settings {
    unsigned count;              // buffers
    std::uint16_t frame_length;  // what one buffer must hold
    int socket;                  // NUMA node, SOCKET_ID_ANY where it does not matter
  };
  [[nodiscard]] static Result<MbufPool> create(const std::string& name, const Settings& settings);

  [[nodiscard]] rte_mempool* get() const noexcept { return pool_.get(); }
  [[nodiscard]] Mbuf allocate() const noexcept { return Mbuf(rte_pktmbuf_alloc(pool_.get())); }

 private:
  struct Deleter {
    void operator()(rte_mempool* pool) const noexcept { rte_mempool_free(pool); }
  };
  explicit MbufPool(rte_mempool* pool) : pool_(pool) {}
  std::unique_ptr<rte_mempool, Deleter> pool_;
};

}  // namespace gl::dpdk
