// /goldilocks/forward, /goldilocks/backends, /goldilocks/backend and /goldilocks/tcp_helper in rte_telemetry.
// Thread: registered on the main core; answers come from telemetry's own thread.
#pragma once

namespace gl::control {

void register_backend_commands();

}  // namespace gl::control
