// Notices that the device of a port went away: unplugged from its PCI slot, or asked back by vfio-pci because somebody
// unbinds it.
// Ownership: its callback with the EAL. Thread: made and asked on the main core; the EAL's interrupt thread tells it.
// Errors: where the kernel's events cannot be had, why_not() says so, and nothing is noticed.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <span>
#include <string>
#include <utility>

namespace gl::dpdk {

class RemovalWatch {
 public:
  explicit RemovalWatch(std::span<const std::uint16_t> ports);
  RemovalWatch(const RemovalWatch&) = delete;
  RemovalWatch& operator=(const RemovalWatch&) = delete;
  ~RemovalWatch();

  // One that is gone; empty while all are there.
  [[nodiscard]] std::string gone() const;
  [[nodiscard]] bool is_gone(std::uint16_t port) const noexcept;
  // Empty where removals are noticed, or no port can be removed.
  [[nodiscard]] const std::string& why_not() const noexcept { return why_not_; }

  // What the EAL tells.
  void note_removal(const char* device) noexcept;

 private:
  struct Device {
    Device(std::uint16_t own_port, std::string own_name) : port(own_port), name(std::move(own_name)) {}
    const std::uint16_t port;
    const std::string name;
    std::atomic<bool> gone{false};
  };
  std::deque<Device> devices_;
  std::string why_not_;
  bool watching_ = false;
};

}  // namespace gl::dpdk
