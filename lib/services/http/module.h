// The HTTP service for the main core: `--http`. Thread: main core.
#pragma once

#include <memory>

#include "lib/service/module.h"
#include "lib/services/shared_files.h"

namespace gl::http {

[[nodiscard]] std::unique_ptr<ServiceModule> make_http_module(std::shared_ptr<services::SharedFiles> files);

}  // namespace gl::http
