// Notices that the PCI device of a port goes away: unplugged, or unbound from its driver. The kernel takes the link to
// the driver away first, before uio_pci_generic lets the device go and while vfio-pci still waits for us.
// Ownership: values. Thread: main core; a look costs a system call a device. Errors: a port that is no PCI device, or
// has no driver at the start, is not watched.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace gl::dpdk {

class RemovalWatch {
 public:
  explicit RemovalWatch(std::span<const std::uint16_t> ports);

  // One that is gone; empty while all are there.
  [[nodiscard]] std::string gone() const;
  [[nodiscard]] bool is_gone(std::uint16_t port) const;

 private:
  struct Device {
    std::uint16_t port;
    std::string name;
    std::string driver_link;
    [[nodiscard]] bool is_gone() const;
  };
  std::vector<Device> devices_;
};

}  // namespace gl::dpdk
