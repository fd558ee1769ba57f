#include "lib/worker/port_backend_tx.h"

#include <algorithm>
#include <utility>

#include "lib/datapath/datagram.h"
#include "lib/worker/context.h"
#include "lib/worker/transmit.h"

namespace gl::worker {

bool PortBackendTx::reachable(unsigned backend) const noexcept {
  return paths_.neighbours.reachable(paths_.backends[backend].neighbour);
}

bool PortBackendTx::resolving(unsigned backend) const noexcept {
  return paths_.neighbours.at(paths_.backends[backend].neighbour).state() == datapath::LinkState::State::unresolved;
}

std::uint16_t PortBackendTx::source_port(unsigned backend, std::uint32_t random) const noexcept {
  return paths_.ports.pick(core_, backend, random);
}

MutableBytes PortBackendTx::begin(unsigned backend) noexcept {
  if (!reachable(backend)) return {};
  if (begun_ == nullptr) begun_.reset(rte_pktmbuf_alloc(pool_));
  if (begun_ == nullptr) return {};
  backend_ = backend;
  const ForwardPath& path = paths_.backends[backend];
  const bool v6 = wire::is_v6(path.backend);
  const datapath::Frame frame = frame_of(begun_.get());
  const std::size_t at = datapath::datagram_payload_at(v6);
  const datapath::Interface& interface = *ports_[path.interface].interface;
  return {frame.data + at, std::min(datapath::largest_datagram(interface, v6), frame.capacity - at)};
}

void PortBackendTx::send(std::uint16_t source_port, std::size_t length) noexcept {
  const ForwardPath& path = paths_.backends[backend_];
  PortQueue& port = ports_[path.interface];
  datapath::Frame frame = frame_of(begun_.get());
  const wire::MacAddress to = paths_.neighbours.at(path.neighbour).mac();
  datapath::write_datagram(frame, *port.interface, {to, path.ours, path.backend, source_port, path.backend_port},
                           length);
  push_frame(port.out, std::move(begun_), frame, counters_);
}

}  // namespace gl::worker
