// What the main core tells the operator: a line each on standard error, in the form and from the level that were asked
// for. What comes too often is counted instead (logging/limit.h).
// Ownership: the process has one log. Thread: any but a worker's. Errors: none; a standard error that nobody reads is
// no reason to end.
#pragma once

#include <string>

#include "lib/base/text.h"
#include "lib/control/logging/line.h"
#include "lib/control/logging/settings.h"

namespace gl::control {

using gl::counted;

// Where in the program a line comes from: lines of one place are of one kind. As std::source_location, which clang 14
// does not have.
struct LogPlace {
  const char* file;
  unsigned line;
  [[nodiscard]] static constexpr LogPlace here(const char* file = __builtin_FILE(),
                                               unsigned line = static_cast<unsigned>(__builtin_LINE())) noexcept {
    return {file, line};
  }
};

// Before the first line.
void set_up_log(const LogSettings& settings);
[[nodiscard]] LogFormat log_format();
[[nodiscard]] LogLevel log_level();
void set_log_level(LogLevel level);

// error: what was asked for cannot be done
void complain(const std::string& line, LogFields about = {}, LogPlace place = LogPlace::here());
// warning: something is not as it should be, and we go on
void warn(const std::string& line, LogFields about = {}, LogPlace place = LogPlace::here());
// notice: the server has become another: serving, draining, ending
void note(const std::string& line, LogFields about = {}, LogPlace place = LogPlace::here());
// info
void say(const std::string& line, LogFields about = {}, LogPlace place = LogPlace::here());
// debug
void explain(const std::string& line, LogFields about = {}, LogPlace place = LogPlace::here());

// A line that another part of the process has made; `of` tells its kinds apart.
void pass_on(LogLine line, const std::string& of, LogPlace place = LogPlace::here());

// From time to time: says what was left out. At the end as well, whatever time it is.
void tick_log();
void end_log();

}  // namespace gl::control
