// Reads directories into a FileSet. What has not changed since the set before is shared with it.
// Not read, with a line that says so: what is neither a file nor a directory, what a symbolic link leads to outside of
// the directory, what may not be opened. Names that begin with a dot are passed over, but for `.well-known` (RFC 8615).
// Thread: any one. Errors: one line that names the path.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "lib/base/result.h"
#include "lib/files/file_set.h"
#include "lib/files/media_types.h"

namespace gl::files {

struct Directory {
  std::string path;
  bool dot_files = false;
  bool paths = true;                               // what symbolic links lead to is read as well
  std::optional<std::string> tree = std::nullopt;  // read as a tree too, of this name
};

struct ReadSet {
  std::unique_ptr<const FileSet> set;
  std::vector<std::string> warnings;
  std::size_t changed = 0;    // files that are new, or other ones
  std::size_t gone = 0;       // of the set before
  bool tree_changed = false;  // something in a tree is another, if only a name or an attribute
};

// `most`: bytes of all files together. `before` may be null. `key`: what nodes of trees are numbered by.
[[nodiscard]] Result<ReadSet> read_directories(const std::vector<Directory>& directories, const MediaTypes& types,
                                               std::size_t most, const FileSet* before, const TreeKey& key = {});

}  // namespace gl::files
