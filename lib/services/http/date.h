// Dates as HTTP has them. Units: seconds since 1970. Thread: pure functions. Errors: nothing where it is no date.
// Source: RFC 9110 section 5.6.7 (IMF-fixdate; the two obsolete forms are read as well).
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

namespace gl::http {

inline constexpr std::size_t kDateLength = 29;
using DateText = std::array<char, kDateLength>;

// `Sun, 06 Nov 1994 08:49:37 GMT`; years 0 to 9999.
[[nodiscard]] DateText date_text(std::int64_t unix_seconds) noexcept;
[[nodiscard]] std::optional<std::int64_t> parse_date(std::string_view text) noexcept;

}  // namespace gl::http
