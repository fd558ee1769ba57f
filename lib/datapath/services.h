// Which service answers on which port, the same for UDP and TCP.
// Byte order: ports in host order. Ownership: borrows the services. Thread: one table a core.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "lib/service/service.h"

namespace gl::datapath {

inline constexpr std::size_t kMaxServicePorts = 8;

class ServiceTable {
 public:
  // False where there is no room.
  [[nodiscard]] bool add(std::uint16_t port, Service& service) noexcept {
    if (count_ == kMaxServicePorts) return false;
    entries_[count_++] = {port, &service};
    return true;
  }
  // Null where nothing listens.
  [[nodiscard]] Service* find(std::uint16_t port) const noexcept {
    for (std::size_t i = 0; i < count_; ++i) {
      if (entries_[i].port == port) return entries_[i].service;
    }
    return nullptr;
  }

 private:
  struct Entry {
    std::uint16_t port = 0;
    Service* service = nullptr;
  };
  std::array<Entry, kMaxServicePorts> entries_{};
  std::size_t count_ = 0;
};

}  // namespace gl::datapath
