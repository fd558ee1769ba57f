// Which programs this process serves, and where: what rpcbind tells. Each service that serves one adds it before the
// cores start.
// Byte order: ports host. Ownership: shared by the modules. Thread: written by the main core in load(), then only read.
// Source: RFC 1833 section 2.1.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

namespace gl::onc_rpc {

enum class Transport : std::uint8_t { tcp = 6, udp = 17 };  // IP's protocol numbers

struct Mapping {
  std::uint32_t program = 0;
  std::uint32_t version = 0;
  Transport transport = Transport::udp;
  std::uint16_t port = 0;
};

class Mappings {
 public:
  void add(const Mapping& mapping) { entries_.push_back(mapping); }
  [[nodiscard]] const std::vector<Mapping>& entries() const noexcept { return entries_; }
  // Null: none. `exact`: no other version will do.
  [[nodiscard]] const Mapping* find(std::uint32_t program, std::uint32_t version, Transport transport,
                                    bool exact) const noexcept {
    const Mapping* other = nullptr;
    for (const Mapping& entry : entries_) {
      if (entry.program != program || entry.transport != transport) continue;
      if (entry.version == version) return &entry;
      other = &entry;
    }
    return exact ? nullptr : other;
  }

 private:
  std::vector<Mapping> entries_;
};

}  // namespace gl::onc_rpc
