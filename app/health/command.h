// The operator's commands: what announces the route, and what withdraws it.
// Units: milliseconds. Thread: one; it waits for the command's end. Errors: one line.
#pragma once

#include <cstdint>
#include <string>

#include "lib/base/result.h"

namespace gl::health {

// By /bin/sh, with our standard output. What takes longer is killed, with all that it has started.
[[nodiscard]] Status run_command(const std::string& command, std::uint32_t limit_ms);

}  // namespace gl::health
