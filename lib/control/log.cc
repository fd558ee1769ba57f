#include "lib/control/log.h"

#include <chrono>
#include <cstdio>
#include <ctime>

namespace gl::control {
namespace {

void write(const char* level, const std::string& line) {
  using namespace std::chrono;
  const auto now = system_clock::now();
  const std::time_t seconds = system_clock::to_time_t(now);
  const auto milliseconds = duration_cast<std::chrono::milliseconds>(now.time_since_epoch()).count() % 1000;
  std::tm utc{};
  gmtime_r(&seconds, &utc);
  char time[32];
  (void)std::strftime(time, sizeof time, "%Y-%m-%dT%H:%M:%S", &utc);
  std::fprintf(stderr, "%s.%03dZ goldilocks: %s: %s\n", time, static_cast<int>(milliseconds), level, line.c_str());
}

}  // namespace

void say(const std::string& line) {
  write("info", line);
}
void warn(const std::string& line) {
  write("warning", line);
}
void complain(const std::string& line) {
  write("error", line);
}

}  // namespace gl::control
