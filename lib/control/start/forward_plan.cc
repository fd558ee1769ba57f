#include "lib/control/start/forward_plan.h"

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include "lib/control/start/routes.h"
#include "lib/datapath/datagram.h"
#include "lib/dpdk/rss.h"
#include "lib/worker/reassembly.h"

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

// What a backend may send us at once.
struct Receivable {
  std::size_t most = 0;    // in as many fragments of our MTU as may be
  std::size_t likely = 0;  // whatever path and driver
};

Receivable receivable(const dpdk::Port& port, const datapath::Interface& interface, bool v6) {
  constexpr std::size_t kLeastMtu = 1280;  // many servers cut IPv6 to it (RFC 8200 section 5)
  if (v6) return {worker::max_reassembled(port.mtu(), true), worker::max_reassembled(kLeastMtu, true)};
  const std::size_t most = worker::max_reassembled(port.mtu(), false);
  // Its sockets put IPv4 fragments together (PACKET_FANOUT_FLAG_DEFRAG) and then cut off what no frame of theirs holds.
  const bool defragments = port.driver() == "net_af_packet";
  return {most, defragments ? datapath::largest_datagram(interface, false) : most};
}

// The EDNS payload to ask for: what all backends' replies can have. More than the 4096 bytes of RFC 6891 section 6.2.5
// only where the operator says so: fragments get lost, some servers cannot send them, and TCP is there for the rest.
Status settle_payload(Settings& settings, const Network& network, const std::vector<Route>& routes) {
  constexpr std::size_t kUsual = 4096;
  Receivable all{UINT16_MAX, kUsual};
  for (const Route& route : routes) {
    const Receivable here =
        receivable(network.ports()[route.interface], network.interface(route.interface), wire::is_v6(route.source));
    all = {std::min(all.most, here.most), std::min(all.likely, here.likely)};
  }
  if (settings.forward.payload == 0) settings.forward.payload = static_cast<std::uint16_t>(all.likely);
  if (settings.forward.payload > all.most) {
    return Error{"--forward-payload: " + std::to_string(all.most) +
                 " bytes are the most that can be put together from " + std::to_string(worker::Reassembly::kFragments) +
                 " fragments of these ports"};
  }
  return success();
}

// What no query may be sent from: replies to these ports are for a service.
std::vector<std::uint16_t> taken_ports(const Settings& settings) {
  std::vector<std::uint16_t> taken = settings.service_ports;
  for (const auto& module : settings.modules) {
    if (!module->enabled()) continue;
    for (const PortRange& range : module->datagram_ports()) {
      for (unsigned port = range.first; port <= range.last; ++port) taken.push_back(static_cast<std::uint16_t>(port));
    }
  }
  return taken;
}

}  // namespace

Result<std::unique_ptr<worker::ForwardPaths>> plan_forwarding(Settings& settings, Network& network, unsigned workers) {
  const auto routes = find_routes(settings, port_ids(network));
  if (!routes) return Error{routes.error()};
  const auto replies = reply_paths(settings, network, *routes);
  auto paths = std::make_unique<worker::ForwardPaths>(worker::SourcePorts(replies, workers, taken_ports(settings)));
  for (std::size_t i = 0; i < routes->size(); ++i) {
    const Route& route = (*routes)[i];
    const backend::BackendSettings& backend = settings.forward.backends[i];
    const auto interface = static_cast<std::uint16_t>(route.interface);
    const auto neighbour = paths->neighbours.add({interface, route.next_hop, route.source});
    if (!neighbour) return Error{"--forward: more than " + std::to_string(datapath::kMaxNeighbours) + " next hops"};
    paths->backends.push_back({route.interface, route.source, backend.address, backend.port, *neighbour});
  }
  network.forward_by(paths->neighbours, paths->ports.owners());
  if (Status status = settle_payload(settings, network, *routes); !status) return Error{status.error()};
  return paths;
}

}  // namespace gl::control
