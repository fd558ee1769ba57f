// One simulated exchange through a node that forwards: clients over TCP, others over UDP, the node, the name servers.
// Ownership: values. Thread: any; nothing is shared. Units: milliseconds of simulated time.
#pragma once

#include <string>

#include "tests/sim/exchange.h"
#include "tests/sim/forward_world.h"

namespace gl::sim {

// With `trace` the exchange is written there as a packetdrill dialogue of the client that fared worst, the name
// servers' side as comments.
[[nodiscard]] Verdict run_forward(const Scenario& scenario, std::string* trace);

}  // namespace gl::sim
