#include "lib/control/start/network.h"

#include <rte_lcore.h>

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>

#include "lib/control/log.h"
#include "lib/control/options/parse_value.h"
#include "lib/control/start/port_text.h"
#include "lib/dpdk/burst.h"
#include "lib/worker/context.h"

namespace gl::control {

namespace {

std::unique_ptr<datapath::Interface> describe(const dpdk::Port& port) {
  auto interface = std::make_unique<datapath::Interface>();
  interface->mac = port.mac();
  interface->mtu = port.mtu();
  interface->tx_ipv4_checksum = port.offloads().tx_ipv4_checksum;
  interface->tx_udp_checksum = port.offloads().tx_udp_checksum;
  interface->tx_tcp_checksum = port.offloads().tx_tcp_checksum;
  return interface;
}

// Where frames for our IPv6 addresses' groups and for all nodes go (RFC 2464 section 7).
std::vector<wire::MacAddress> groups_of(const datapath::Interface& interface) {
  std::vector<wire::MacAddress> groups;
  if (interface.v6_count == 0) return groups;
  groups.push_back(wire::kAllNodes.multicast_mac());
  for (std::size_t i = 0; i < interface.v6_count; ++i) {
    const wire::MacAddress mac = interface.v6[i].solicited_node().multicast_mac();
    if (std::find(groups.begin(), groups.end(), mac) == groups.end()) groups.push_back(mac);
  }
  return groups;
}

}  // namespace

Result<Network> Network::open(const Settings& settings, const std::vector<unsigned>& lcores) {
  const auto ids = dpdk::Port::list();
  if (!ids) return Error{ids.error()};
  if (ids->size() > worker::kMaxPorts)
    return Error{"more than " + std::to_string(worker::kMaxPorts) + " ports: allow fewer with -a"};
  const auto plan = plan_ports(settings.kernel_ports, *ids);
  if (!plan) return Error{plan.error()};
  Network network;
  if (Status status = network.make_pools(settings, lcores, *ids); !status) return Error{status.error()};
  std::vector<rte_mempool*> pools;
  for (const dpdk::MbufPool& pool : network.pools_) pools.push_back(pool.get());
  for (const PortPlan& port : *plan) {
    if (Status status = network.open_port(port, settings, pools); !status) return Error{status.error()};
  }
  if (Status status = network.assign(settings); !status) return Error{status.error()};
  return network;
}

Status Network::open_port(const PortPlan& plan, const Settings& settings, std::span<rte_mempool* const> pools) {
  const dpdk::PortSettings own{settings.rx_descriptors, settings.tx_descriptors, settings.mtu, settings.rx_interrupts};
  auto port = dpdk::Port::open(plan.service, own, pools);
  if (!port) return Error{port.error()};
  std::unique_ptr<dpdk::Port> kernel;
  if (plan.kernel) {
    dpdk::PortSettings polled = own;
    polled.rx_interrupts = false;
    auto opened = dpdk::Port::open(*plan.kernel, polled, pools);
    if (!opened) return Error{opened.error()};
    kernel = std::make_unique<dpdk::Port>(std::move(*opened));
    if (kernel->mtu() < port->mtu()) {
      return Error{"port " + kernel->name() + ": MTU " + std::to_string(kernel->mtu()) + " is below " +
                   std::to_string(port->mtu()) + " of port " + port->name() + ", beside which it leads to the kernel"};
    }
  }
  interfaces_.push_back(describe(*port));
  interfaces_.back()->index = static_cast<std::uint16_t>(interfaces_.size() - 1);
  interfaces_.back()->kernel = kernel != nullptr;
  ports_.push_back(std::move(*port));
  kernels_.push_back(std::move(kernel));
  return success();
}

Status Network::make_pools(const Settings& settings, const std::vector<unsigned>& lcores,
                           const std::vector<std::uint16_t>& ids) {
  std::uint16_t room = 0;
  for (const std::uint16_t id : ids) room = std::max(room, dpdk::Port::buffer_length(id, settings.mtu));
  // All rings of a worker full, a burst at hand and one on its way out, and the pool's own cache. net_af_xdp takes 2048
  // for its fill ring and as many for what was sent, whatever it is told; with fewer it goes deaf.
  constexpr unsigned kLeastRing = 2048;
  constexpr unsigned kSpare = dpdk::kBurst + dpdk::kTxBurst + 2 * 256;
  const auto ports = static_cast<unsigned>(ids.size());
  const unsigned rings =
      std::max<unsigned>(settings.rx_descriptors, kLeastRing) + std::max<unsigned>(settings.tx_descriptors, kLeastRing);
  unsigned count = ports * rings + kSpare;
  // Fragments that wait for the others, and replies on their way to another worker.
  if (settings.forward.enabled()) {
    count += worker::Reassembly::kMbufs + worker::Handoff::kCapacity * (static_cast<unsigned>(lcores.size()) - 1);
  }
  for (const unsigned lcore : lcores) {
    const auto socket = static_cast<int>(rte_lcore_to_socket_id(lcore));
    auto pool = dpdk::MbufPool::create("worker_" + std::to_string(lcore), {count, room, socket});
    if (!pool) return Error{pool.error()};
    pools_.push_back(std::move(*pool));
  }
  return success();
}

Status Network::assign(const Settings& settings) {
  for (const AddressSetting& setting : settings.addresses) {
    bool found = false;
    for (std::size_t i = 0; i < ports_.size(); ++i) {
      if (setting.port && *setting.port != ports_[i].id()) continue;
      found = true;
      datapath::Interface& interface = *interfaces_[i];
      const bool added =
          std::visit([&](const auto& a) { return interface.has(a) || interface.add(a); }, setting.address);
      if (!added) {
        return Error{"--address: more than " + std::to_string(datapath::kMaxAddresses) + " of one family on port " +
                     ports_[i].name()};
      }
      const auto* const v4 = std::get_if<wire::Ipv4Address>(&setting.address);
      if (v4 != nullptr && setting.prefix_length) interface.add_network(*v4, *setting.prefix_length);
    }
    if (!found) return Error{"--address: there is no DPDK port " + std::to_string(setting.port.value_or(0))};
  }
  if (Status status = assign_vlans(settings); !status) return status;
  return check_mtus();
}

Status Network::assign_vlans(const Settings& settings) {
  vlans_.resize(ports_.size());
  for (const VlanSetting& setting : settings.vlans) {
    bool found = false;
    for (std::size_t i = 0; i < ports_.size(); ++i) {
      if (setting.port && *setting.port != ports_[i].id()) continue;
      found = true;
      if (vlans_[i] == nullptr) vlans_[i] = std::make_unique<wire::VlanSet>();
      for (const std::uint16_t id : setting.ids) vlans_[i]->add(id);
      interfaces_[i]->vlans = vlans_[i].get();
    }
    if (!found) return Error{"--vlan: there is no DPDK port " + std::to_string(setting.port.value_or(0))};
  }
  const bool untagged =
      std::ranges::any_of(vlans_, [](const auto& set) { return set == nullptr || set->has(wire::VlanSet::kUntagged); });
  if (settings.forward.enabled() && !untagged) {
    return Error{
        "--vlan: name servers behind are asked without a tag, and no port takes untagged frames: add untagged"};
  }
  return success();
}

// Below these no answer could be sent to every client (RFC 791 section 3.1, RFC 8200 section 5).
Status Network::check_mtus() const {
  constexpr std::uint16_t kLeastV4 = 576;
  constexpr std::uint16_t kLeastV6 = 1280;
  for (std::size_t i = 0; i < ports_.size(); ++i) {
    const bool v6 = interfaces_[i]->v6_count != 0;
    const std::uint16_t least = v6 ? kLeastV6 : kLeastV4;
    if (ports_[i].mtu() >= least) continue;
    return Error{"port " + ports_[i].name() + ": MTU " + std::to_string(ports_[i].mtu()) + " is below " +
                 std::to_string(least) + ", the least for " + (v6 ? "IPv6" : "IPv4")};
  }
  return success();
}

Status Network::start() {
  for (std::size_t i = 0; i < ports_.size(); ++i) {
    const auto groups = groups_of(*interfaces_[i]);
    using Multicast = dpdk::Port::Multicast;
    if (kernels_[i] != nullptr) {
      if (Status status = kernels_[i]->start_promiscuous(); !status) return status;
      say("port " + kernels_[i]->name() + " leads to the kernel, beside port " + ports_[i].name() +
              ": the kernel's interface has to have the MAC address " + mac_to_text(ports_[i].mac()),
          {{"port", ports_[i].name()}});
    }
    const Multicast wanted = kernels_[i] == nullptr ? Multicast::groups : Multicast::all;
    // The kernel wants the VLANs that are not ours.
    const wire::VlanSet* const vlans = kernels_[i] == nullptr ? vlans_[i].get() : nullptr;
    if (Status status = ports_[i].start(groups, wanted, vlans); !status) return status;
    say("port " + describe_port(ports_[i]), {{"port", ports_[i].name()}});
  }
  watch_removals();
  return success();
}

void Network::watch_removals() {
  std::vector<std::uint16_t> ids;
  for (const dpdk::Port& port : ports_) ids.push_back(port.id());
  for (const auto& port : kernels_) {
    if (port != nullptr) ids.push_back(port->id());
  }
  removals_ = std::make_unique<dpdk::RemovalWatch>(ids);
}

void Network::abandon_removed() noexcept {
  for (dpdk::Port& port : ports_) {
    if (removals_->is_gone(port.id())) port.abandon();
  }
  for (const auto& port : kernels_) {
    if (port != nullptr && removals_->is_gone(port->id())) port->abandon();
  }
}

void Network::stop() noexcept {
  for (dpdk::Port& port : ports_) port.stop();
  for (const auto& port : kernels_) {
    if (port != nullptr) port->stop();
  }
}

void Network::forward_by(datapath::NeighbourTable& neighbours, const datapath::ReplyOwners& backends) noexcept {
  for (const auto& interface : interfaces_) {
    interface->neighbours = &neighbours;
    interface->backends = &backends;
  }
}

std::size_t Network::longest_frame() const noexcept {
  std::size_t longest = 0;
  for (const dpdk::Port& port : ports_) longest = std::max<std::size_t>(longest, port.frame_length());
  return longest;
}

std::uint16_t Network::mtu() const noexcept {
  std::uint16_t smallest = UINT16_MAX;
  for (const dpdk::Port& port : ports_) smallest = std::min(smallest, port.mtu());
  return smallest;
}

}  // namespace gl::control
