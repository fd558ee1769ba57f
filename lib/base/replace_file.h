// A small file that is read whole, and replaced so that whoever reads it finds the old text or the new one, also after
// the machine has lost power: written aside, brought to the disk, renamed.
// Ownership: values. Thread: any; two writers of one file get in each other's way. Errors: one line that names the
// file.
#pragma once

#include <fcntl.h>
#include <sys/stat.h>
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

// The entries of its folder are on disk: a name that a file has just got is there after the machine has lost power.
[[nodiscard]] inline Status flush_folder_of(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  const std::string folder = slash == std::string::npos ? "." : path.substr(0, slash + 1);
  const int opened = open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (opened < 0 || !detail::flush_and_close(opened, true)) return Error{folder + ": " + std::strerror(errno)};
  return success();
}

[[nodiscard]] inline Status replace_file(const std::string& path, std::string_view text) {
  struct stat is {};
  if (stat(path.c_str(), &is) == 0 && !S_ISREG(is.st_mode)) return Error{path + ": is not a regular file"};
  const std::string aside = path + ".new";
  unlink(aside.c_str());  // of a time before that was interrupted; nobody's link is followed
  const int file = open(aside.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
  const auto failed = [&](const std::string& name) {
    const std::string reason = std::strerror(errno);
    if (file >= 0) unlink(aside.c_str());
    return Error{name + ": " + reason};
  };
  if (file < 0 || !detail::flush_and_close(file, write_all(file, text))) return failed(aside);
  if (std::rename(aside.c_str(), path.c_str()) != 0) return failed(path);
  return flush_folder_of(path);
}

}  // namespace gl
