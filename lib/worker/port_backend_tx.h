// One core's datagrams to the backends: headers around what the forwarder writes, into the transmit burst
// of the port that leads there. The poll loop pushes the bursts out.
// Byte order: ports host. Ownership: borrows paths, ports and counters; a buffer is the link's until it is sent.
// Thread: one core's own. Errors: see Link.
#pragma once

#include <span>

#include "lib/backend/backend_tx.h"
#include "lib/datapath/counters.h"
#include "lib/dpdk/mbuf_pool.h"
#include "lib/worker/forward_paths.h"

namespace gl::worker {

struct PortQueue;

class PortBackendTx final : public backend::BackendTx {
 public:
  PortBackendTx(const ForwardPaths& paths, unsigned core, std::span<PortQueue> ports, rte_mempool* pool,
                datapath::CoreCounters& counters) noexcept
      : paths_(paths), core_(core), ports_(ports), pool_(pool), counters_(counters) {}

  [[nodiscard]] bool reachable(unsigned backend) const noexcept override;
  [[nodiscard]] bool resolving(unsigned backend) const noexcept override;
  [[nodiscard]] wire::IpAddress source(unsigned backend) const noexcept override {
    return paths_.backends[backend].ours;
  }
  [[nodiscard]] std::uint16_t source_port(unsigned backend, std::uint32_t random) const noexcept override;
  [[nodiscard]] MutableBytes begin(unsigned backend) noexcept override;
  void send(std::uint16_t source_port, std::size_t length) noexcept override;

 private:
  const ForwardPaths& paths_;
  const unsigned core_;
  const std::span<PortQueue> ports_;
  rte_mempool* const pool_;
  datapath::CoreCounters& counters_;
  unsigned backend_ = 0;  // of the datagram begun
  dpdk::Mbuf begun_;
};

}  // namespace gl::worker
