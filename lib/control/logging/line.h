// A line of the log, before it has a format; and what it is in each of them.
// Byte order: text is UTF-8; what is none is escaped. Ownership: values. Thread: pure functions. Errors: none.
// Sources: RFC 3339 (time), RFC 8259 (JSON), sd-daemon(3) (the journal's `<N>`).
#pragma once

#include <chrono>
#include <concepts>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "lib/control/logging/settings.h"

namespace gl::control {

// What a line is about, apart from its words: a member of the JSON object.
struct LogField {
  using Numbers = std::vector<std::pair<std::string, std::uint64_t>>;
  const char* key;
  std::variant<std::string, std::uint64_t, Numbers> value;

  LogField(const char* name, std::string text) : key(name), value(std::move(text)) {}
  LogField(const char* name, std::string_view text) : key(name), value(std::string(text)) {}
  LogField(const char* name, const char* text) : key(name), value(std::string(text)) {}
  LogField(const char* name, std::unsigned_integral auto number) : key(name), value(std::uint64_t{number}) {}
  LogField(const char* name, Numbers numbers) : key(name), value(std::move(numbers)) {}
};
using LogFields = std::vector<LogField>;

struct LogLine {
  std::chrono::system_clock::time_point time{};
  LogLevel level = LogLevel::info;
  std::string_view source = "goldilocks";  // or dpdk
  std::string message{};
  LogFields fields{};
};

// With its end.
[[nodiscard]] std::string render(const LogLine& line, LogFormat format);

}  // namespace gl::control
