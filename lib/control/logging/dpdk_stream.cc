#include "lib/control/logging/dpdk_stream.h"

#include <rte_log.h>

#include <cstdio>
#include <string>
#include <string_view>

#include "lib/control/log.h"

namespace gl::control {
namespace {

LogLevel level_of(int level) {
  if (level < 0 || level <= static_cast<int>(RTE_LOG_ERR)) return LogLevel::error;
  switch (level) {
    case RTE_LOG_WARNING:
      return LogLevel::warning;
    case RTE_LOG_NOTICE:
      return LogLevel::notice;
    case RTE_LOG_INFO:
      return LogLevel::info;
    default:
      return LogLevel::debug;
  }
}

// DPDK flushes after each message, so its level is that of what comes here; some are pieces of a line. stdio lets one
// thread at a time in.
ssize_t take(void* begun, const char* bytes, std::size_t size) {
  auto& line = *static_cast<std::string*>(begun);
  constexpr std::size_t kLongest = 4096;
  for (const char c : std::string_view(bytes, size)) {
    if (c != '\n') line += c;
    if (c != '\n' && line.size() < kLongest) continue;
    const std::string type = std::to_string(rte_log_cur_msg_logtype());
    if (!line.empty()) {
      pass_on({.level = level_of(rte_log_cur_msg_loglevel()), .source = "dpdk", .message = line}, type);
    }
    line.clear();
  }
  return static_cast<ssize_t>(size);
}

}  // namespace

void take_dpdk_log() {
  static std::string begun;
  FILE* const stream = fopencookie(&begun, "w", {.read = nullptr, .write = take, .seek = nullptr, .close = nullptr});
  if (stream != nullptr) rte_openlog_stream(stream);
}

}  // namespace gl::control
