// NFS for the main core: `--nfs`. Thread: main core.
#pragma once

#include <memory>

#include "lib/service/module.h"
#include "lib/services/onc_rpc/mappings.h"
#include "lib/services/shared_files.h"

namespace gl::nfs {

// `mappings`: what rpcbind tells, where it is on as well.
[[nodiscard]] std::unique_ptr<ServiceModule> make_nfs_module(std::shared_ptr<services::SharedFiles> files,
                                                             std::shared_ptr<onc_rpc::Mappings> mappings);

}  // namespace gl::nfs
