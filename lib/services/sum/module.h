// The sum service for the main core: `--sum`. Thread: main core.
#pragma once

#include <memory>

#include "lib/service/module.h"

namespace gl::services {

[[nodiscard]] std::unique_ptr<ServiceModule> make_sum_module();

}  // namespace gl::services
