#include "lib/control/log.h"

#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdint>
#include <mutex>
#include <string_view>
#include <utility>

#include "lib/base/clock.h"
#include "lib/control/logging/limit.h"

namespace gl::control {
namespace {

struct Log {
  std::atomic<LogFormat> format{LogFormat::text};
  std::atomic<LogLevel> level{LogLevel::info};
  std::mutex mutex;  // of what follows, and of standard error
  LogLimit limit;
};
Log& the_log() {
  static auto* const log = new Log;  // threads may speak until the very end
  return *log;
}

// In one write(), so that lines of other programs on the same pipe stay whole.
void put_out(std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = write(STDERR_FILENO, text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return;
    text.remove_prefix(static_cast<std::size_t>(written));
  }
}

void put_left_out(Log& log, std::uint64_t now_ms) {
  for (LogLine& line : log.limit.left_out(now_ms)) {
    line.time = std::chrono::system_clock::now();
    put_out(render(line, log.format));
  }
}

// One that is about a service is of that service's kind.
std::string kind_of(const LogFields& about) {
  for (const LogField& field : about) {
    const auto* const text = std::get_if<std::string>(&field.value);
    if (text != nullptr && std::string_view(field.key) == "service") return *text;
  }
  return {};
}

void take(LogLevel level, const std::string& message, LogFields about, LogPlace place) {
  const std::string of = kind_of(about);
  pass_on({.level = level, .message = message, .fields = std::move(about)}, of, place);
}

}  // namespace

void set_up_log(const LogSettings& settings) {
  the_log().format = settings.format;
  the_log().level = settings.level;
}
LogFormat log_format() {
  return the_log().format;
}
LogLevel log_level() {
  return the_log().level;
}
void set_log_level(LogLevel level) {
  the_log().level = level;
}

void pass_on(LogLine line, const std::string& of, LogPlace place) {
  Log& log = the_log();
  if (line.level > log.level) return;
  const std::lock_guard lock(log.mutex);
  const std::uint64_t now = monotonic_ms();
  put_left_out(log, now);
  line.time = std::chrono::system_clock::now();
  // Who asks for all the details gets all of them.
  const bool limited = line.level != LogLevel::debug;
  if (limited && !log.limit.admits({place.file, place.line, of}, line, now)) return;
  put_out(render(line, log.format));
}

void complain(const std::string& line, LogFields about, LogPlace place) {
  take(LogLevel::error, line, std::move(about), place);
}
void warn(const std::string& line, LogFields about, LogPlace place) {
  take(LogLevel::warning, line, std::move(about), place);
}
void note(const std::string& line, LogFields about, LogPlace place) {
  take(LogLevel::notice, line, std::move(about), place);
}
void say(const std::string& line, LogFields about, LogPlace place) {
  take(LogLevel::info, line, std::move(about), place);
}
void explain(const std::string& line, LogFields about, LogPlace place) {
  take(LogLevel::debug, line, std::move(about), place);
}

void tick_log() {
  const std::lock_guard lock(the_log().mutex);
  put_left_out(the_log(), monotonic_ms());
}
void end_log() {
  const std::lock_guard lock(the_log().mutex);
  put_left_out(the_log(), UINT64_MAX);
}

}  // namespace gl::control
