// Whether a file could be written, found without making or changing it.
// Thread: pure but for the file system. Errors: one line that names the file.
#pragma once

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string>

#include "lib/base/result.h"

namespace gl {

// One that is there can be written; where it is not, its folder can be.
[[nodiscard]] inline Status check_writable(const std::string& path) {
  struct stat status {};
  const bool there = stat(path.c_str(), &status) == 0;
  if (!there && errno != ENOENT) return Error{path + ": " + std::strerror(errno)};
  if (there && S_ISDIR(status.st_mode)) return Error{path + ": is a directory"};
  const std::size_t slash = path.rfind('/');
  const std::string folder = slash == std::string::npos ? "." : path.substr(0, slash + 1);
  const std::string& judged = there ? path : folder;
  if (access(judged.c_str(), W_OK) != 0) return Error{path + ": " + std::strerror(errno)};
  return success();
}

}  // namespace gl
