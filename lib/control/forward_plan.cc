#include "lib/control/forward_plan.h"

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include "lib/control/routes.h"
#include "lib/datapath/datagram.h"
#include "lib/dpdk/rss.h"

namespace gl::control {

namespace {

std::vector<std::uint16_t> port_ids(const Network& network) {
  std::vector<std::uint16_t> ids;
  for (const dpdk::Port& port : network.ports()) ids.push_back(port.id());
  return ids;
}

// With how each port spreads what it receives, where it tells.
std::vector<worker::ReplyPath> reply_paths(const Settings& settings, const Network& network,
                                           const std::vector<Route>& routes) {
  std::vector<std::optional<dpdk::Rss>> spreading;
  for (const dpdk::Port& port : network.ports()) {
    spreading.push_back(port.offloads().rss ? dpdk::read_rss(port.id()) : std::nullopt);
  }
  std::vector<worker::ReplyPath> paths;
  for (std::size_t i = 0; i < routes.size(); ++i) {
    const backend::BackendSettings& backend = settings.forward.backends[i];
    paths.push_back({backend.address, backend.port, routes[i].source, spreading[routes[i].interface]});
  }
  return paths;
}

}  // namespace

Result<std::unique_ptr<worker::ForwardPaths>> plan_forwarding(Settings& settings, Network& network, unsigned workers) {
  const auto routes = find_routes(settings, port_ids(network));
  if (!routes) return Error{routes.error()};
  const auto replies = reply_paths(settings, network, *routes);
  auto paths = std::make_unique<worker::ForwardPaths>(worker::SourcePorts(replies, workers, settings.service_ports));
  for (std::size_t i = 0; i < routes->size(); ++i) {
    const Route& route = (*routes)[i];
    const backend::BackendSettings& backend = settings.forward.backends[i];
    const auto interface = static_cast<std::uint16_t>(route.interface);
    const auto neighbour = paths->neighbours.add({interface, route.next_hop, route.source});
    if (!neighbour) return Error{"--forward: more than " + std::to_string(datapath::kMaxNeighbours) + " next hops"};
    paths->backends.push_back({route.interface, route.source, backend.address, backend.port, *neighbour});
  }
  network.learn_neighbours(paths->neighbours);
  if (settings.forward.payload == 0) {
    const std::size_t largest = network.mtu() - (datapath::datagram_payload_at(true) - sizeof(wire::EthernetHeader));
    settings.forward.payload = static_cast<std::uint16_t>(largest);
  }
  return paths;
}

}  // namespace gl::control
