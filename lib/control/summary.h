// The counters at the end, one line each, those that are zero left out.
// Thread: main core, after the workers ended.
#pragma once

#include "lib/control/workers.h"

namespace gl::control {

void print_summary(const Workers& workers);

}  // namespace gl::control
