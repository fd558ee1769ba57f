#include "app/load/endpoint.h"

#include <cstring>
#include <string>

namespace gl::load {

Result<Endpoint> open_endpoint(const Options& options, rte_mempool* pool) {
  rte_ether_addr mac{};
  if (rte_eth_macaddr_get(options.port_id, &mac) != 0) {
    return Error{"--port-id: there is no DPDK port " + std::to_string(options.port_id)};
  }
  Endpoint station;
  std::memcpy(station.link.ours.bytes.data(), mac.addr_bytes, 6);
  if (options.source_mac) station.link.ours = *options.source_mac;
  station.line = std::make_unique<PortIo>(options, pool, station.link.ours);
  if (options.target_mac) {
    station.link.theirs = *options.target_mac;
  } else {
    auto found = station.line->neighbour.resolve(options.port_id);
    if (!found) return Error{found.error()};
    station.link.theirs = *found;
  }
  return station;
}

}  // namespace gl::load
