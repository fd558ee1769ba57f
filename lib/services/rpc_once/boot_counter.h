// The server's boot counter: higher with each start. It is the wall clock's seconds, and higher than the one of the
// start before where a file keeps that, so neither a clock that was set back nor two starts in a second repeat it.
// Units: seconds since 1970. Ownership: values. Thread: main core. Errors: one line that names the file.
#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>
#include <string>

#include "lib/base/replace_file.h"
#include "lib/base/text.h"

namespace gl::rpc_once {

// `path`: empty, nothing is kept. A file that holds something else than a counter is left alone.
[[nodiscard]] inline Result<std::uint32_t> next_boot_counter(const std::string& path, std::uint64_t now_seconds) {
  constexpr std::uint32_t kHighest = std::numeric_limits<std::uint32_t>::max();
  const auto now = static_cast<std::uint32_t>(std::clamp<std::uint64_t>(now_seconds, 1, kHighest));
  if (path.empty()) return now;
  const auto text = read_small_file(path);
  if (!text) return Error{text.error()};
  std::uint32_t next = now;
  if (*text) {
    const auto before =
        parse_decimal(trimmed(std::string_view(**text).substr(0, (*text)->find('\n'))), 1, kHighest - 1);
    if (!before) return Error{path + ": holds no boot counter"};
    next = std::max(now, *before + 1);
  }
  if (Status status = replace_file(path, std::to_string(next) + '\n'); !status) return Error{status.error()};
  return next;
}

}  // namespace gl::rpc_once
