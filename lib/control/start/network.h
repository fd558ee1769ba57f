// The ports, the workers' buffer pools and what the stages know of each port.
// Ownership: pools outlive ports (declaration order). Thread: main core. Errors: one line.
#pragma once

#include <array>
#include <memory>
#include <vector>

#include "lib/base/result.h"
#include "lib/control/options/settings.h"
#include "lib/datapath/interface.h"
#include "lib/dpdk/mbuf_pool.h"
#include "lib/dpdk/port.h"

namespace gl::control {

class Network {
 public:
  // Every port with a queue pair for each of `lcores`, and a pool for each.
  [[nodiscard]] static Result<Network> open(const Settings& settings, const std::vector<unsigned>& lcores);

  // Starts the ports; frames queue up until workers poll.
  [[nodiscard]] Status start();
  void stop() noexcept;

  [[nodiscard]] const std::vector<dpdk::Port>& ports() const noexcept { return ports_; }
  [[nodiscard]] const datapath::Interface& interface(std::size_t port) const noexcept { return *interfaces_[port]; }
  [[nodiscard]] const dpdk::MbufPool& pool(std::size_t worker) const noexcept { return pools_[worker]; }
  // Before the workers start: what every port's frames say of neighbours is learned, and fragments from name servers
  // behind are kept.
  void forward_by(datapath::NeighbourTable& neighbours, const datapath::ReplyOwners& backends) noexcept;
  // Bytes of the longest frame that any port brings.
  [[nodiscard]] std::size_t longest_frame() const noexcept;
  // The smallest MTU of the ports.
  [[nodiscard]] std::uint16_t mtu() const noexcept;

 private:
  Network() = default;
  [[nodiscard]] Status make_pools(const Settings& settings, const std::vector<unsigned>& lcores,
                                  const std::vector<std::uint16_t>& ids);
  [[nodiscard]] Status assign(const Settings& settings);
  [[nodiscard]] Status check_mtus() const;

  std::vector<dpdk::MbufPool> pools_;
  std::vector<dpdk::Port> ports_;
  std::vector<std::unique_ptr<datapath::Interface>> interfaces_;
};

}  // namespace gl::control
