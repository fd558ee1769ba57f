// The HTTP service for the main core: `--http`. Thread: main core.
#pragma once

#include <memory>

#include "lib/service/module.h"

namespace gl::http {

[[nodiscard]] std::unique_ptr<ServiceModule> make_http_module();

}  // namespace gl::http
