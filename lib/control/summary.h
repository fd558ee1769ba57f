// The counters at the end, one line each, those that are zero left out.
// Thread: main core, after the workers ended.
#pragma once

#include "lib/control/tcp_helper.h"
#include "lib/control/workers.h"

namespace gl::control {

// `helper` may be null.
void print_summary(const Workers& workers, const TcpHelper* helper = nullptr);

}  // namespace gl::control
