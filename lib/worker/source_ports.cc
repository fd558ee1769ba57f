#include "lib/worker/source_ports.h"

#include <algorithm>

namespace gl::worker {

namespace {

using PortLists = std::vector<std::vector<std::uint16_t>>;  // one a core

// The core of each port by the port's RSS; nothing where it is unknown or leaves a core too few.
std::vector<std::uint16_t> cores_by_rss(const ReplyPath& path, unsigned cores) {
  if (!path.rss || !path.rss->knows(path.backend)) return {};
  std::vector<std::uint16_t> found(std::size_t{UINT16_MAX} + 1);
  std::vector<std::size_t> counts(cores);
  for (unsigned port = 0; port <= UINT16_MAX; ++port) {
    const std::uint16_t queue =
        path.rss->queue({path.backend, path.ours, path.backend_port, static_cast<std::uint16_t>(port)});
    if (queue >= cores) return {};
    found[port] = queue;
    if (port >= SourcePorts::kFirst) ++counts[queue];
  }
  const std::size_t fewest = *std::min_element(counts.begin(), counts.end());
  return fewest >= SourcePorts::kLeast ? found : std::vector<std::uint16_t>();
}

template <class CoreOf>
PortLists split(unsigned cores, std::span<const std::uint16_t> service_ports, CoreOf core_of) {
  PortLists lists(cores);
  std::vector<bool> taken(std::size_t{UINT16_MAX} + 1);
  for (const std::uint16_t port : service_ports) taken[port] = true;
  for (unsigned i = SourcePorts::kFirst; i <= UINT16_MAX; ++i) {
    const auto port = static_cast<std::uint16_t>(i);
    if (taken[port]) continue;
    lists[core_of(port)].push_back(port);
  }
  return lists;
}

}  // namespace

SourcePorts::SourcePorts(std::span<const ReplyPath> paths, unsigned cores, std::span<const std::uint16_t> service_ports)
    : backends_(paths.size()), lists_(paths.size() * cores) {
  std::vector<List> shared;
  for (auto& list : split(cores, service_ports, [&](std::uint16_t port) { return port % cores; })) {
    shared.push_back(std::make_shared<const std::vector<std::uint16_t>>(std::move(list)));
  }
  std::vector<datapath::ReplyOwners::Backend> owners;
  for (std::size_t b = 0; b < paths.size(); ++b) {
    auto by_rss = cores > 1 ? cores_by_rss(paths[b], cores) : std::vector<std::uint16_t>();
    PortLists own;
    if (!by_rss.empty()) own = split(cores, service_ports, [&](std::uint16_t port) { return by_rss[port]; });
    for (std::size_t core = 0; core < cores; ++core) {
      lists_[core * backends_ + b] =
          own.empty() ? shared[core] : std::make_shared<const std::vector<std::uint16_t>>(std::move(own[core]));
    }
    owners.push_back({paths[b].backend, paths[b].backend_port, std::move(by_rss)});
  }
  owners_ = datapath::ReplyOwners(std::move(owners), cores);
}

}  // namespace gl::worker
