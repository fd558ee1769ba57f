// The ports, the workers' buffer pools and what the stages know of each port.
// Ownership: pools outlive ports (declaration order). Thread: main core. Errors: one line.
#pragma once

#include <array>
#include <memory>
#include <span>
#include <vector>

#include "lib/base/result.h"
#include "lib/control/options/settings.h"
#include "lib/control/start/kernel_ports.h"
#include "lib/datapath/interface.h"
#include "lib/dpdk/mbuf_pool.h"
#include "lib/dpdk/port.h"
#include "lib/dpdk/removal_watch.h"

namespace gl::control {

class Network {
 public:
  // Every port with a queue pair for each of `lcores`, and a pool for each.
  [[nodiscard]] static Result<Network> open(const Settings& settings, const std::vector<unsigned>& lcores);

  // Starts the ports, those to the kernel first; frames queue up until workers poll.
  [[nodiscard]] Status start();
  void stop() noexcept;

  [[nodiscard]] const std::vector<dpdk::Port>& ports() const noexcept { return ports_; }
  // The port to the kernel beside that one, or null.
  [[nodiscard]] const dpdk::Port* kernel_port(std::size_t port) const noexcept { return kernels_[port].get(); }
  [[nodiscard]] const datapath::Interface& interface(std::size_t port) const noexcept { return *interfaces_[port]; }
  [[nodiscard]] const dpdk::MbufPool& pool(std::size_t worker) const noexcept { return pools_[worker]; }
  // Before the workers start: what every port's frames say of neighbours is learned, and fragments from name servers
  // behind are kept.
  void forward_by(datapath::NeighbourTable& neighbours, const datapath::ReplyOwners& backends) noexcept;
  // Bytes of the longest frame that any port brings.
  [[nodiscard]] std::size_t longest_frame() const noexcept;
  // The smallest MTU of the ports.
  [[nodiscard]] std::uint16_t mtu() const noexcept;
  // A device of a started port that was taken away; empty while all are there.
  [[nodiscard]] std::string removed_device() const { return removals_ == nullptr ? std::string() : removals_->gone(); }
  // Leaves the ports of such devices as they are. After the workers have stopped.
  void abandon_removed() noexcept;

 private:
  Network() = default;
  [[nodiscard]] Status make_pools(const Settings& settings, const std::vector<unsigned>& lcores,
                                  const std::vector<std::uint16_t>& ids);
  [[nodiscard]] Status open_port(const PortPlan& plan, const Settings& settings, std::span<rte_mempool* const> pools);
  [[nodiscard]] Status assign(const Settings& settings);
  [[nodiscard]] Status assign_vlans(const Settings& settings);
  [[nodiscard]] Status check_mtus() const;
  void watch_removals();

  std::vector<dpdk::MbufPool> pools_;
  std::vector<dpdk::Port> ports_;
  std::vector<std::unique_ptr<dpdk::Port>> kernels_;  // null where a port has none beside it
  std::vector<std::unique_ptr<datapath::Interface>> interfaces_;
  std::vector<std::unique_ptr<wire::VlanSet>> vlans_;  // of the ports; null where every VLAN is taken
  std::unique_ptr<dpdk::RemovalWatch> removals_;
};

}  // namespace gl::control
