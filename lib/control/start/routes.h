// By which port, from which address and over which next hop a backend is reached.
// A network is known by its length, or taken as /24 or /64 where a gateway of its family is on the port; a port without
// gateway and lengths has everybody on its link. Byte order: addresses as on the wire. Ownership: plain values. Thread:
// pure functions. Errors: one line that names the backend, gateway or flag.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "lib/base/result.h"
#include "lib/control/options/settings.h"

namespace gl::control {

struct Route {
  unsigned interface = 0;  // index among `ports`
  wire::IpAddress source;  // an address of ours there
  wire::IpAddress next_hop;
};

// One for each of settings.forward.backends. `ports`: the DPDK ports' ids, in the order of their interfaces.
[[nodiscard]] Result<std::vector<Route>> find_routes(const Settings& settings, std::span<const std::uint16_t> ports);

}  // namespace gl::control
