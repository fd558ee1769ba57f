// A small file that is read whole, and replaced so that whoever reads it finds the old text or the new one, also after
// the machine has lost power: written aside, brought to the disk, renamed.
// Ownership: values. Thread: any; two writers of one file get in each other's way. Errors: one line that names the
// file.
#pragma once

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>

#include "lib/base/append_file.h"
#include "lib/base/result.h"

namespace gl {

// Nothing where there is no such file. At most 4 KiB.
[[nodiscard]] inline Result<std::optional<std::string>> read_small_file(const std::string& path) {
  const int file = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0 && errno == ENOENT) return std::optional<std::string>{};
  std::array<char, 4096> text;
  const ssize_t length = file < 0 ? -1 : read(file, text.data(), text.size());
  const int error = errno;
  if (file >= 0) close(file);
  if (length < 0) return Error{path + ": " + std::strerror(error)};
  return std::optional(std::string(text.data(), static_cast<std::size_t>(length)));
}

namespace detail {
// The descriptor is closed in any case.
[[nodiscard]] inline bool flush_and_close(int file, bool good) {
  const bool flushed = good && fsync(file) == 0;
  const int error = errno;
  close(file);
  errno = error;
  return flushed;
}
}  // namespace detail

[[nodiscard]] inline Status replace_file(const std::string& path, std::string_view text) {
  const std::string aside = path + ".new";
  const int file = open(aside.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (file < 0 || !detail::flush_and_close(file, write_all(file, text)))
    return Error{aside + ": " + std::strerror(errno)};
  if (std::rename(aside.c_str(), path.c_str()) != 0) return Error{path + ": " + std::strerror(errno)};
  const std::size_t slash = path.rfind('/');
  const std::string folder = slash == std::string::npos ? "." : path.substr(0, slash + 1);
  const int opened = open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (opened < 0 || !detail::flush_and_close(opened, true)) return Error{folder + ": " + std::strerror(errno)};
  return success();
}

}  // namespace gl
