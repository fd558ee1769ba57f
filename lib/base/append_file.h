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

// All of it, however many calls that takes; false, with errno: it could not be written.
[[nodiscard]] inline bool write_all(int file, std::string_view text) noexcept {
  while (!text.empty()) {
    const ssize_t written = ::write(file, text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return false;
    text.remove_prefix(static_cast<std::size_t>(written));
  }
  return true;
}

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
    const bool known = std::exchange(failing_, !write_all(file_, text));
    return known || !failing_ ? std::nullopt : std::optional(path_ + ": " + std::strerror(errno));
  }

 private:
  const std::string path_;
  int file_ = -1;
  bool failing_ = false;
};

}  // namespace gl
