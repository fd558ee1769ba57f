// How much the log says, and in which form: --log-level, --log-format.
// Ownership: plain values. Thread: constants. Errors: nothing where a word is none of them.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace gl::control {

// From what must be seen to what may be.
enum class LogLevel : std::uint8_t { error, warning, notice, info, debug };
enum class LogFormat : std::uint8_t { text, json, journal };

struct LogSettings {
  LogFormat format = LogFormat::text;
  LogLevel level = LogLevel::info;
};

inline constexpr std::array<std::string_view, 5> kLogLevels = {"error", "warning", "notice", "info", "debug"};
inline constexpr std::array<std::string_view, 3> kLogFormats = {"text", "json", "journal"};

[[nodiscard]] constexpr std::string_view to_text(LogLevel level) noexcept {
  return kLogLevels[static_cast<std::size_t>(level)];
}
[[nodiscard]] constexpr std::optional<LogLevel> log_level_from(std::string_view word) noexcept {
  const auto* const found = std::ranges::find(kLogLevels, word);
  if (found == kLogLevels.end()) return std::nullopt;
  return static_cast<LogLevel>(found - kLogLevels.begin());
}
[[nodiscard]] constexpr std::optional<LogFormat> log_format_from(std::string_view word) noexcept {
  const auto* const found = std::ranges::find(kLogFormats, word);
  if (found == kLogFormats.end()) return std::nullopt;
  return static_cast<LogFormat>(found - kLogFormats.begin());
}

}  // namespace gl::control
