// The MOUNT protocol, version 3: which directories there are, and their first handles. Nothing is noted of who asked.
// Byte order: wire in spans, host in values. Ownership: borrows everything for the call. Thread: one core's own.
// Errors: MOUNT's own statuses. Source: RFC 1813 section 5.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "lib/files/file_set.h"
#include "lib/services/nfs/handle.h"
#include "lib/services/nfs/nfs3.h"
#include "lib/services/onc_rpc/rpc_service.h"

namespace gl::nfs {

// A directory that can be mounted.
struct Export {
  std::string name;       // "/", or "/NAME" without a slash at its end
  std::string directory;  // on the disk, absolute; it can be mounted by that path as well
  std::size_t root = 0;   // among the directories of the store
};

struct Exports {
  std::vector<Export> list;         // the longest name first
  std::vector<std::string> groups;  // who may ask, as EXPORT says it
};

// The directory at a path as clients write it; null, and why.
[[nodiscard]] const files::Node* find_directory(const Exports& exports, const files::FileSet& files,
                                                std::string_view path, MountStatus& status) noexcept;

// Writes the results behind the beginning of a successful reply. A caller outside of the networks may ask for nothing
// but NULL, and is told by MNT that he may not.
[[nodiscard]] onc_rpc::Outcome call_mount(const Exports& exports, const Nfs3Call::World& world,
                                          const onc_rpc::Call& call, const onc_rpc::CallContext& context,
                                          onc_rpc::XdrWriter& results) noexcept;

}  // namespace gl::nfs
