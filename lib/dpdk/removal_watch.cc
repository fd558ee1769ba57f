#include "lib/dpdk/removal_watch.h"

#include <rte_bus.h>
#include <rte_dev.h>
#include <rte_errno.h>
#include <rte_ethdev.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string_view>

namespace gl::dpdk {

namespace {

void on_event(const char* device, rte_dev_event_type event, void* watch) {
  if (event == RTE_DEV_EVENT_REMOVE && device != nullptr) static_cast<RemovalWatch*>(watch)->note_removal(device);
}

}  // namespace

RemovalWatch::RemovalWatch(std::span<const std::uint16_t> ports) {
  for (const std::uint16_t port : ports) {
    rte_eth_dev_info info{};
    if (rte_eth_dev_info_get(port, &info) != 0 || info.device == nullptr) continue;
    const rte_bus* const bus = rte_dev_bus(info.device);
    if (bus != nullptr && std::string_view(rte_bus_name(bus)) == "pci") {
      devices_.emplace_back(port, rte_dev_name(info.device));
    }
  }
  if (devices_.empty()) return;
  // vfio-pci tells by an interrupt of the device, whatever the kernel's events say; so the callback comes first.
  if (const int code = rte_dev_event_callback_register(nullptr, on_event, this); code < 0) {
    why_not_ = std::strerror(-code);
    return;
  }
  watching_ = true;
  if (rte_dev_event_monitor_start() != 0) why_not_ = "the kernel's events cannot be listened to";
}

RemovalWatch::~RemovalWatch() {
  if (!watching_) return;
  if (why_not_.empty()) rte_dev_event_monitor_stop();
  while (rte_dev_event_callback_unregister(nullptr, on_event, this) == -EAGAIN) {
  }
}

void RemovalWatch::note_removal(const char* device) noexcept {
  for (Device& own : devices_) {
    if (own.name == device) own.gone.store(true, std::memory_order_relaxed);
  }
}

std::string RemovalWatch::gone() const {
  for (const Device& own : devices_) {
    if (own.gone.load(std::memory_order_relaxed)) return own.name;
  }
  return {};
}

bool RemovalWatch::is_gone(std::uint16_t port) const noexcept {
  return std::ranges::any_of(
      devices_, [port](const Device& own) { return own.port == port && own.gone.load(std::memory_order_relaxed); });
}

}  // namespace gl::dpdk
