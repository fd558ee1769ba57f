// A listening Unix socket with mode 0600. What is left of a process that was killed is replaced; a file of another
// kind, and a socket at which somebody answers, stay as they are.
// Ownership: closes the socket, and removes the file if it is still this one. Thread: main core. Errors: one line that
// names the path.
#pragma once

#include <sys/types.h>

#include <string>
#include <utility>

#include "lib/base/result.h"

namespace gl::control {

class UnixListener {
 public:
  [[nodiscard]] static Result<UnixListener> open(const std::string& path);

  UnixListener(UnixListener&& other) noexcept
      : descriptor_(std::exchange(other.descriptor_, -1)),
        path_(std::move(other.path_)),
        device_(other.device_),
        inode_(other.inode_) {}
  UnixListener& operator=(UnixListener&&) = delete;
  ~UnixListener();

  [[nodiscard]] int descriptor() const noexcept { return descriptor_; }
  [[nodiscard]] const std::string& path() const noexcept { return path_; }

 private:
  explicit UnixListener(int descriptor) noexcept : descriptor_(descriptor) {}
  [[nodiscard]] Status bind_to(const std::string& path);

  int descriptor_;
  std::string path_;  // empty until it is bound
  dev_t device_ = 0;
  ino_t inode_ = 0;
};

}  // namespace gl::control
