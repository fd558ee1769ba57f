// What a port was found to have, in words, for the log.
// Thread: main core. Errors: none.
#pragma once

#include <string>
#include <string_view>

#include "lib/control/logging/line.h"
#include "lib/dpdk/port.h"

namespace gl::control {

// "0000:01:00.0: net_e1000_igb, 2 queues by RSS, MTU 1500, multicast: list, checksums checked: IPv4 UDP TCP, computed:
// IPv4 UDP TCP". After the port was started.
[[nodiscard]] std::string describe_port(const dpdk::Port& port);

// The member `port` of a line of the log that says "port NAME": of an error, which is but words.
[[nodiscard]] LogFields named_port(std::string_view line);

}  // namespace gl::control
