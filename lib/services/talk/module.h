// Simplex-talk for the main core: `--talk`. Thread: main core.
#pragma once

#include <memory>

#include "lib/service/module.h"

namespace gl::services {

[[nodiscard]] std::unique_ptr<ServiceModule> make_talk_module();

}  // namespace gl::services
