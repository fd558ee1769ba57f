#include "lib/dpdk/removal_watch.h"

#include <rte_bus.h>
#include <rte_dev.h>
#include <rte_ethdev.h>
#include <unistd.h>

#include <algorithm>
#include <string_view>

namespace gl::dpdk {

RemovalWatch::RemovalWatch(std::span<const std::uint16_t> ports) {
  for (const std::uint16_t port : ports) {
    rte_eth_dev_info info{};
    if (rte_eth_dev_info_get(port, &info) != 0 || info.device == nullptr) continue;
    const rte_bus* const bus = rte_dev_bus(info.device);
    if (bus == nullptr || std::string_view(rte_bus_name(bus)) != "pci") continue;
    const std::string name = rte_dev_name(info.device);
    Device device{port, name, "/sys/bus/pci/devices/" + name + "/driver"};
    if (!device.is_gone()) devices_.push_back(std::move(device));
  }
}

bool RemovalWatch::Device::is_gone() const {
  return access(driver_link.c_str(), F_OK) != 0;
}

std::string RemovalWatch::gone() const {
  const auto found = std::ranges::find_if(devices_, &Device::is_gone);
  return found == devices_.end() ? std::string() : found->name;
}

bool RemovalWatch::is_gone(std::uint16_t port) const {
  return std::ranges::any_of(devices_, [port](const Device& own) { return own.port == port && own.is_gone(); });
}

}  // namespace gl::dpdk
