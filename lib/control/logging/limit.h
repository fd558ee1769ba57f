// A line that comes again and again shall not fill the disk: of each kind a burst in an interval is written, and what
// was left out is counted.
// Units: milliseconds of the monotonic clock. Ownership: values; the place is a literal's. Thread: one at a time.
// Errors: none.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <tuple>
#include <vector>

#include "lib/control/logging/line.h"

namespace gl::control {

// Lines of one kind come from one place of the program, and there from one service or part of DPDK.
struct LogKind {
  const char* file;
  unsigned line;
  std::string of;
  friend bool operator<(const LogKind& a, const LogKind& b) noexcept {
    return std::tie(a.file, a.line, a.of) < std::tie(b.file, b.line, b.of);
  }
};

class LogLimit {
 public:
  static constexpr std::uint64_t kIntervalMs = 10'000;
  static constexpr std::uint32_t kBurst = 100;

  // Whether to write it. `line` is kept where it is the last one that was not.
  [[nodiscard]] bool admits(const LogKind& kind, const LogLine& line, std::uint64_t now_ms);
  // A line for each kind of which something was left out in an interval that is over by now.
  [[nodiscard]] std::vector<LogLine> left_out(std::uint64_t now_ms);

 private:
  struct Interval {
    std::uint64_t end_ms = 0;
    std::uint32_t written = 0;
    std::uint64_t left_out = 0;
    LogLine last;
  };
  std::map<LogKind, Interval> intervals_;
};

}  // namespace gl::control
