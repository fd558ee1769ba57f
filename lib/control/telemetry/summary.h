// The counters at the end, one line each, those that are zero left out: on standard output, or with --log-format
// json into the log.
// Thread: main core, after the workers ended.
#pragma once

#include "lib/control/start/workers.h"
#include "lib/tcp_client/helper.h"

namespace gl::control {

// `helper` may be null.
void print_summary(const Workers& workers, const tcp_client::TcpHelper* helper = nullptr);

}  // namespace gl::control
