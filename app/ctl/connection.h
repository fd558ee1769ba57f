// One question to the control socket. Units: seconds. Thread: one. Errors: one line that names the socket.
#pragma once

#include <cstdint>
#include <string>

#include "lib/base/result.h"

namespace gl::ctl {

// The line that answers `request`, both without their ends. `wait_seconds` 0: however long it takes.
[[nodiscard]] Result<std::string> ask(const std::string& path, const std::string& request, std::uint32_t wait_seconds);

// Where a server with this --file-prefix has its socket unless it was told otherwise: in the EAL's runtime directory,
// but for that of a systemd unit, which only the unit knows.
[[nodiscard]] std::string default_socket(const std::string& prefix);

}  // namespace gl::ctl
