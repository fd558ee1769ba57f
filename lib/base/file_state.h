// What tells whether a file has changed since it was read: its place, size and times.
// Thread: pure function.
#pragma once

#include <sys/stat.h>

#include <cstdint>
#include <string>

namespace gl {

[[nodiscard]] inline std::string file_state(const struct stat& is) {
  std::string state;
  for (const auto number : {static_cast<std::int64_t>(is.st_dev), static_cast<std::int64_t>(is.st_ino),
                            static_cast<std::int64_t>(is.st_size), static_cast<std::int64_t>(is.st_mtim.tv_sec),
                            static_cast<std::int64_t>(is.st_mtim.tv_nsec), static_cast<std::int64_t>(is.st_ctim.tv_sec),
                            static_cast<std::int64_t>(is.st_ctim.tv_nsec)}) {
    state.append(std::to_string(number)).append(" ");
  }
  return state;
}

}  // namespace gl
