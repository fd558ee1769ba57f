#include "lib/control/logging/line.h"

#include <array>
#include <cstdio>
#include <ctime>

#include "lib/base/json.h"
#include "lib/base/printable.h"

namespace gl::control {
namespace {

std::string time_text(std::chrono::system_clock::time_point time) {
  using namespace std::chrono;
  const std::time_t seconds = system_clock::to_time_t(floor<std::chrono::seconds>(time));
  const auto ms = duration_cast<milliseconds>(time - floor<std::chrono::seconds>(time)).count();
  std::tm utc{};
  gmtime_r(&seconds, &utc);
  std::array<char, 32> day{};
  (void)std::strftime(day.data(), day.size(), "%Y-%m-%dT%H:%M:%S", &utc);
  std::array<char, 48> text{};
  std::snprintf(text.data(), text.size(), "%s.%03dZ", day.data(), static_cast<int>(ms));
  return text.data();
}

// RFC 5424 section 6.2.1, as sd-daemon(3) has them.
int priority(LogLevel level) {
  constexpr int kError = 3;
  return kError + static_cast<int>(level);
}

void put_field(const Json& object, const LogField& field) {
  if (const auto* const text = std::get_if<std::string>(&field.value)) return put(object, field.key, harmless(*text));
  if (const auto* const number = std::get_if<std::uint64_t>(&field.value)) return put(object, field.key, *number);
  Json numbers = new_object();
  for (const auto& [name, number] : std::get<LogField::Numbers>(field.value)) put(numbers, harmless(name), number);
  put(object, field.key, std::move(numbers));
}

std::string json_line(const LogLine& line) {
  const Json object = new_object();
  put(object, "time", time_text(line.time));
  put(object, "level", to_text(line.level));
  put(object, "source", line.source);
  put(object, "message", harmless(line.message));
  for (const LogField& field : line.fields) put_field(object, field);
  return to_line(object) + "\n";
}

}  // namespace

std::string render(const LogLine& line, LogFormat format) {
  if (format == LogFormat::json) return json_line(line);
  std::string text;
  if (format == LogFormat::journal) {
    text.append("<").append(std::to_string(priority(line.level))).append(">");
    if (line.source != "goldilocks") text.append(line.source).append(": ");
  } else {
    text.append(time_text(line.time)).append(" ").append(line.source).append(": ");
    text.append(to_text(line.level)).append(": ");
  }
  return text.append(harmless(line.message)).append("\n");
}

}  // namespace gl::control
