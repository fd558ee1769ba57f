// Where clients stand: their line (the port's output, the link layer's neighbour) and the link addresses at its ends.
// Ownership: a PortIo is its owner's, and clients point into it. Thread: the generator's core only. Errors: one line.
#pragma once

#include <rte_ethdev.h>

#include <array>
#include <cstdint>
#include <memory>

#include "app/load/flight.h"
#include "app/load/neighbour.h"
#include "app/load/templates.h"
#include "lib/base/result.h"

namespace gl::load {

// Before the clients can be made, the link must be known, and that needs the output.
struct PortIo {
  PortIo(const Options& o, rte_mempool* pool, const wire::MacAddress& ours)
      : port(o.port_id), output(o.port_id, pool), neighbour(o, ours, output) {}
  std::uint16_t port;
  Output output;
  Neighbour neighbour;
};

struct Endpoint {
  std::unique_ptr<PortIo> line;
  Link link;
};

// The port is started and has one queue. Where no --target-mac is given this asks for it, up to three seconds.
[[nodiscard]] Result<Endpoint> open_endpoint(const Options& options, rte_mempool* pool);

// A burst in, and what follows from it into the output. Returns the frames that came.
template <class Clients>
std::size_t receive_burst(PortIo& line, Clients& clients, Flight& flight) noexcept {
  constexpr std::uint16_t kAhead = 6;  // frames whose headers are on their way into the cache
  std::array<rte_mbuf*, kBurst> burst;
  const std::uint16_t count = rte_eth_rx_burst(line.port, 0, burst.data(), kBurst);
  flight.now = rte_rdtsc();
  for (std::uint16_t i = 0; i < count && i < kAhead; ++i) rte_prefetch0(rte_pktmbuf_mtod(burst[i], void*));
  for (std::uint16_t i = 0; i < count; ++i) {
    if (i + kAhead < count) rte_prefetch0(rte_pktmbuf_mtod(burst[i + kAhead], void*));
    if (!clients.receive(burst[i])) line.neighbour.receive(burst[i]);
  }
  return count;
}

}  // namespace gl::load
