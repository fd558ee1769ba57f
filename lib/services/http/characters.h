// Which characters HTTP's elements are made of. Thread: pure functions. Sources: as named.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <string_view>

namespace gl::http {

inline constexpr std::uint8_t kToken = 1;   // RFC 9110 section 5.6.2
inline constexpr std::uint8_t kValue = 2;   // of a field: VCHAR, obs-text, SP, HTAB
inline constexpr std::uint8_t kTarget = 4;  // VCHAR
inline constexpr std::uint8_t kHost = 8;    // of uri-host and port (RFC 3986 section 3.2.2)

inline constexpr auto kClasses = [] {
  std::array<std::uint8_t, 256> classes{};
  for (unsigned c = 0x21; c < 0x7f; ++c) classes[c] = kValue | kTarget;
  for (unsigned c = 0x80; c < 0x100; ++c) classes[c] = kValue;
  classes[' '] = classes['\t'] = kValue;
  const auto alphanumeric = [](unsigned c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
  };
  const auto add = [&classes](unsigned c, unsigned what) { classes[c] = static_cast<std::uint8_t>(classes[c] | what); };
  for (unsigned c = 0; c < 128; ++c) add(c, alphanumeric(c) ? kToken | kHost : 0u);
  for (const char c : {'!', '#', '$', '%', '&', '\'', '*', '+', '-', '.', '^', '_', '`', '|', '~'}) {
    add(static_cast<unsigned char>(c), kToken);
  }
  for (const char c :
       {'-', '.', '_', '~', '%', '!', '$', '&', '\'', '(', ')', '*', '+', ',', ';', '=', ':', '[', ']'}) {
    add(static_cast<unsigned char>(c), kHost);
  }
  return classes;
}();

[[nodiscard]] constexpr bool is(char c, std::uint8_t what) noexcept {
  return (kClasses[static_cast<unsigned char>(c)] & what) != 0;
}
[[nodiscard]] inline bool all(std::string_view text, std::uint8_t what) noexcept {
  return std::ranges::all_of(text, [what](char c) { return is(c, what); });
}

}  // namespace gl::http
