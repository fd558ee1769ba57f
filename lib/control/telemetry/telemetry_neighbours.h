// /goldilocks/neighbours in rte_telemetry: the next hops toward the name servers behind.
// Thread: registered on the main core; answers come from telemetry's own thread.
#pragma once

namespace gl::control {

void register_neighbour_command();

}  // namespace gl::control
