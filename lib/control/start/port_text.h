// What a port was found to have, in words, for the log.
// Thread: main core. Errors: none.
#pragma once

#include <string>

#include "lib/dpdk/port.h"

namespace gl::control {

// "0000:01:00.0: net_e1000_igb, 2 queues by RSS, MTU 1500, multicast: list, checksums checked: IPv4 UDP TCP, computed:
// IPv4 UDP TCP". After the port was started.
[[nodiscard]] std::string describe_port(const dpdk::Port& port);

}  // namespace gl::control
