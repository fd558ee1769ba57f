// Which core a name server's reply belongs to: the one that asked from this port of ours. Where the port's spreading
// over queues is known, that is mostly the core that received it.
// Byte order: addresses as on the wire, ports host. Ownership: filled by the main core before the workers start.
// Thread: read-only then.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "lib/base/bytes.h"
#include "lib/wire/address.h"

namespace gl::datapath {

class ReplyOwners {
 public:
  struct Backend {
    wire::IpAddress address;
    std::uint16_t port = 0;
    // The core of each of our 65,536 ports; empty: port % cores.
    std::vector<std::uint16_t> cores;
  };
  ReplyOwners() = default;
  ReplyOwners(std::vector<Backend> backends, unsigned cores) : backends_(std::move(backends)), cores_(cores) {}

  // `receiver`: the core that has the datagram, to which also what is no backend's belongs.
  [[nodiscard]] unsigned owner(Bytes source, std::uint16_t source_port, std::uint16_t our_port,
                               unsigned receiver) const noexcept {
    if (cores_ < 2) return receiver;
    for (const Backend& backend : backends_) {
      if (backend.port == source_port && is(backend.address, source)) return owner(backend, our_port);
    }
    return receiver;
  }
  // Whether that address is a name server's.
  [[nodiscard]] bool is_backend(Bytes source) const noexcept {
    return std::any_of(backends_.begin(), backends_.end(), [&](const Backend& b) { return is(b.address, source); });
  }
  // Whether a name server answers from that address and port.
  [[nodiscard]] bool is_backend(Bytes source, std::uint16_t port) const noexcept {
    return std::any_of(backends_.begin(), backends_.end(),
                       [&](const Backend& b) { return b.port == port && is(b.address, source); });
  }
  [[nodiscard]] unsigned owner(std::size_t backend, std::uint16_t our_port) const noexcept {
    return owner(backends_[backend], our_port);
  }

 private:
  [[nodiscard]] static bool is(const wire::IpAddress& address, Bytes bytes) noexcept {
    return std::ranges::equal(wire::bytes_of(address), bytes);
  }
  [[nodiscard]] unsigned owner(const Backend& backend, std::uint16_t our_port) const noexcept {
    return backend.cores.empty() ? our_port % cores_ : backend.cores[our_port];
  }

  std::vector<Backend> backends_;
  unsigned cores_ = 1;
};

}  // namespace gl::datapath
