#include "lib/control/logging/limit.h"

#include <utility>

#include "lib/base/text.h"

namespace gl::control {

bool LogLimit::admits(const LogKind& kind, const LogLine& line, std::uint64_t now_ms) {
  Interval& interval = intervals_[kind];
  if (now_ms >= interval.end_ms && interval.left_out == 0) interval = {.end_ms = now_ms + kIntervalMs, .last = {}};
  if (interval.written < kBurst) return ++interval.written, true;
  ++interval.left_out;
  interval.last = line;
  return false;
}

std::vector<LogLine> LogLimit::left_out(std::uint64_t now_ms) {
  std::vector<LogLine> lines;
  for (auto at = intervals_.begin(); at != intervals_.end();) {
    Interval& interval = at->second;
    if (now_ms < interval.end_ms) {
      ++at;
      continue;
    }
    if (interval.left_out != 0) {
      LogLine& line = lines.emplace_back(std::move(interval.last));
      line.message = counted(interval.left_out, "similar line") + " left out, the last: " + line.message;
      line.fields.emplace_back("left_out", interval.left_out);
    }
    at = intervals_.erase(at);
  }
  return lines;
}

}  // namespace gl::control
