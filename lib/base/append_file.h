// A file that lines are appended to, and that others may move away: open() again then goes on in a fresh one.
// Ownership: owns the descriptor. Thread: one. Errors: one line, said once until writing works again.
#pragma once

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "lib/base/result.h"

namespace gl {

class AppendFile {
 public:
  explicit AppendFile(std::string path) : path_(std::move(path)) {}
  AppendFile(const AppendFile&) = delete;
  AppendFile& operator=(const AppendFile&) = delete;
  ~AppendFile() {
    if (file_ >= 0) close(file_);
  }

  // Where it cannot be opened, what was open before stays so.
  [[nodiscard]] Status open() {
    const int file = ::open(path_.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    if (file < 0) return Error{path_ + ": " + std::strerror(errno)};
    if (file_ >= 0) close(file_);
    file_ = file;
    return success();
  }
  [[nodiscard]] std::optional<std::string> write(std::string_view text) {
    while (!text.empty()) {
      const ssize_t written = ::write(file_, text.data(), text.size());
      if (written < 0 && errno == EINTR) continue;
      if (written < 0) {
        const bool known = std::exchange(failing_, true);
        return known ? std::nullopt : std::optional(path_ + ": " + std::strerror(errno));
      }
      text.remove_prefix(static_cast<std::size_t>(written));
    }
    failing_ = false;
    return std::nullopt;
  }

 private:
  const std::string path_;
  int file_ = -1;
  bool failing_ = false;
};

}  // namespace gl
