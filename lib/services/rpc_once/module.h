// RPC with ACK, exactly once, for the main core: `--rpc-once`. Thread: main core.
#pragma once

#include <memory>

#include "lib/service/module.h"

namespace gl::rpc_once {

[[nodiscard]] std::unique_ptr<ServiceModule> make_rpc_once_module();

}  // namespace gl::rpc_once
