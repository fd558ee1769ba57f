#include "lib/services/rpc_once/journal.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <vector>

#include "lib/base/append_file.h"

namespace gl::rpc_once {

Journal::~Journal() {
  if (file_ >= 0) close(file_);
}

Result<bool> Journal::open() {
  if (path_.empty()) return false;
  file_ = ::open(path_.c_str(), O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  if (file_ < 0) return Error{path_ + ": " + std::strerror(errno)};
  struct stat info {};
  if (fstat(file_, &info) != 0 || !S_ISREG(info.st_mode)) return Error{path_ + ": is no ordinary file"};
  if (flock(file_, LOCK_EX | LOCK_NB) != 0) return Error{path_ + ": another process has it"};
  std::vector<char> piece(1 << 16);
  std::uint64_t seen = 0;
  for (ssize_t length; (length = read(file_, piece.data(), piece.size())) != 0;) {
    if (length < 0) return Error{path_ + ": " + std::strerror(errno)};
    for (ssize_t i = 0; i < length; ++i) {
      ++seen;
      if (piece[static_cast<std::size_t>(i)] != '\n') continue;
      ++lines_;
      size_ = seen;
    }
  }
  if (seen == size_) return false;
  if (ftruncate(file_, static_cast<off_t>(size_)) != 0) return Error{path_ + ": " + std::strerror(errno)};
  return true;
}

std::optional<std::string> Journal::append(std::string_view text, std::uint64_t count) {
  if (file_ >= 0 && !write_all(file_, text)) {
    const std::string error = path_ + ": " + std::strerror(errno);
    // No half of a line stays. Where even that fails, nothing more can be said of this file.
    if (ftruncate(file_, static_cast<off_t>(size_)) != 0) return error + "; it ends in a part of a line";
    return error;
  }
  size_ += text.size();
  lines_ += count;
  return std::nullopt;
}

}  // namespace gl::rpc_once
