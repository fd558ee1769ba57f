// The TFTP service for the main core: `--tftp`. Thread: main core.
#pragma once

#include <memory>

#include "lib/service/module.h"
#include "lib/services/shared_files.h"

namespace gl::tftp {

[[nodiscard]] std::unique_ptr<ServiceModule> make_tftp_module(std::shared_ptr<services::SharedFiles> files);

}  // namespace gl::tftp
