#include "lib/control/transfers/state_folder.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>

namespace gl::control {
namespace {

Error failed(const std::string& path, const std::string& reason) {
  return Error{"--state-dir: " + path + ": " + reason};
}

Status check_writable(const std::string& path) {
  if (!std::filesystem::is_directory(path)) return failed(path, "is not a folder");
  if (access(path.c_str(), W_OK | X_OK) == 0) return success();
  return failed(path, std::string("cannot be written to: ") + std::strerror(errno));
}

}  // namespace

// Of one that is not there the nearest folder above it counts.
Status check_state_folder(const std::string& folder) {
  if (folder.empty()) return failed("''", "is no folder");
  std::filesystem::path at = std::filesystem::absolute(folder).lexically_normal();
  struct stat is {};
  while (stat(at.c_str(), &is) != 0) {
    if (errno != ENOENT || at == at.root_path()) return failed(at, std::strerror(errno));
    at = at.parent_path();
  }
  return check_writable(at);
}

Status make_state_folder(const std::string& folder) {
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  return error ? Status(failed(folder, error.message())) : check_writable(folder);
}

std::string given_twice(const std::string& name) {
  return "the zone " + name + " is given by --zone and by --secondary or --catalog";
}

}  // namespace gl::control
