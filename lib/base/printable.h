// Text of strangers, made fit to be printed on a terminal or written to a log.
// Thread: pure functions. Sources: RFC 3629 (UTF-8), ECMA-48 (control characters), UAX #9 (bidirectional text).
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>

#include "lib/base/text.h"

namespace gl {

struct Utf8Character {
  std::uint32_t code = 0;
  std::size_t length = 0;  // bytes; 0: none
};

// The first of `text`, which is not empty. RFC 3629 section 3: the shortest form, no surrogates, nothing beyond
// U+10FFFF.
[[nodiscard]] constexpr Utf8Character read_utf8(std::string_view text) noexcept {
  const auto byte = [text](std::size_t at) { return static_cast<std::uint8_t>(text[at]); };
  const std::uint8_t first = byte(0);
  if (first < 0x80) return {first, 1};
  const std::size_t length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  if (first < 0xc2 || first > 0xf4 || text.size() < length) return {};
  std::uint32_t code = first & (0x7fu >> length);
  for (std::size_t at = 1; at < length; ++at) {
    if ((byte(at) & 0xc0) != 0x80) return {};
    code = code << 6 | (byte(at) & 0x3fu);
  }
  constexpr std::uint32_t kLeast[] = {0, 0, 0x80, 0x800, 0x10000};
  if (code < kLeast[length] || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff)) return {};
  return {code, length};
}

[[nodiscard]] constexpr bool is_harmless(std::uint32_t code) noexcept {
  if (code == '\t') return true;
  if (code < 0x20 || (code >= 0x7f && code < 0xa0)) return false;
  if (code == 0x2028 || code == 0x2029 || code == 0x200e || code == 0x200f || code == 0x061c) return false;
  return !(code >= 0x202a && code <= 0x202e) && !(code >= 0x2066 && code <= 0x2069);
}

// One line, without its end: printable ASCII, tabs and well-formed UTF-8 stay; control characters of both kinds, what
// turns the direction of text or ends a line elsewhere, and bytes that are no UTF-8 become \xHH.
[[nodiscard]] inline std::string harmless(std::string_view line, bool double_backslashes = false) {
  std::string text;
  text.reserve(line.size());
  while (!line.empty()) {
    const Utf8Character character = read_utf8(line);
    const std::size_t length = std::max<std::size_t>(character.length, 1);
    if (character.length != 0 && is_harmless(character.code)) {
      text.append(line.substr(0, length)).append(double_backslashes && character.code == '\\' ? 1 : 0, '\\');
    } else {
      for (const char c : line.substr(0, length)) append_escaped(text, c);
    }
    line.remove_prefix(length);
  }
  return text;
}

}  // namespace gl
