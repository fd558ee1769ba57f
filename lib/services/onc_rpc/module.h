// ONC RPC for the main core: `--rpc`. Thread: main core.
#pragma once

#include <memory>

#include "lib/service/module.h"
#include "lib/services/onc_rpc/mappings.h"

namespace gl::onc_rpc {

// `mappings`: modules that serve programs add theirs in load().
[[nodiscard]] std::unique_ptr<ServiceModule> make_onc_rpc_module(std::shared_ptr<Mappings> mappings);

}  // namespace gl::onc_rpc
