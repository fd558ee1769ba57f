// The ways to the backends, shared by all cores: by which port, from which address, over which next hop,
// and from which UDP ports each core asks.
// Byte order: addresses as on the wire, ports host. Ownership: made by the main core before the workers start. Thread:
// read-only then, but for the neighbours, whose words any core writes, and the operator's wishes, which the main core
// writes.
#pragma once

#include <utility>
#include <vector>

#include "lib/backend/operator_state.h"
#include "lib/datapath/neighbours.h"
#include "lib/worker/source_ports.h"

namespace gl::worker {

struct ForwardPath {
  unsigned interface = 0;  // index among the ports
  wire::IpAddress ours;
  wire::IpAddress backend;
  std::uint16_t backend_port = 53;
  unsigned neighbour = 0;  // entry of the next hop
};

struct ForwardPaths {
  explicit ForwardPaths(SourcePorts source_ports) : ports(std::move(source_ports)) {}
  std::vector<ForwardPath> backends;
  datapath::NeighbourTable neighbours;
  SourcePorts ports;
  backend::OperatorState wishes;
};

}  // namespace gl::worker
