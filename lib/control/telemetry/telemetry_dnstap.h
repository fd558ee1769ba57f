// The command of telemetry that tells of dnstap. Thread: as telemetry_view.h.
#pragma once

namespace gl::control {

void register_dnstap_command();

}  // namespace gl::control
