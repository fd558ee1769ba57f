// /goldilocks/secondaries: the zones that are transferred, and how they are.
// Thread: telemetry's own, under the view's mutex.
#pragma once

namespace gl::control {

void register_transfer_command();

}  // namespace gl::control
