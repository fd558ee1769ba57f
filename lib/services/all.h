// Every service that brings its own module: a line each.
// Ownership: the caller's. Thread: main core.
#pragma once

#include <memory>
#include <vector>

#include "lib/services/http/module.h"
#include "lib/services/nfs/module.h"
#include "lib/services/onc_rpc/module.h"
#include "lib/services/rpc_once/module.h"
#include "lib/services/shared_files.h"
#include "lib/services/sum/module.h"
#include "lib/services/talk/module.h"
#include "lib/services/tftp/module.h"

namespace gl::services {

using Modules = std::vector<std::shared_ptr<ServiceModule>>;

[[nodiscard]] inline Modules all_modules() {
  Modules modules;
  const auto files = std::make_shared<SharedFiles>();
  modules.push_back(http::make_http_module(files));
  const auto mappings = std::make_shared<onc_rpc::Mappings>();
  modules.push_back(nfs::make_nfs_module(files, mappings));
  modules.push_back(onc_rpc::make_onc_rpc_module(mappings));
  modules.push_back(rpc_once::make_rpc_once_module());
  modules.push_back(make_sum_module());
  modules.push_back(make_talk_module());
  modules.push_back(tftp::make_tftp_module(files));
  return modules;
}

}  // namespace gl::services
