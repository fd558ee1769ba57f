#include "lib/services/talk/text.h"

#include <algorithm>

#include "lib/base/text.h"

namespace gl::services {
namespace {

struct Character {
  std::uint32_t code = 0;
  std::size_t length = 0;  // bytes; 0: none
};

// RFC 3629 section 3: the shortest form, no surrogates, nothing beyond U+10FFFF.
Character read_character(std::string_view text) {
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

bool is_harmless(std::uint32_t code) {
  if (code == '\t') return true;
  if (code < 0x20 || (code >= 0x7f && code < 0xa0)) return false;
  if (code == 0x2028 || code == 0x2029 || code == 0x200e || code == 0x200f || code == 0x061c) return false;
  return !(code >= 0x202a && code <= 0x202e) && !(code >= 0x2066 && code <= 0x2069);
}

}  // namespace

std::string harmless(std::string_view line) {
  std::string text;
  while (!line.empty()) {
    const Character character = read_character(line);
    const std::size_t length = std::max<std::size_t>(character.length, 1);
    if (character.length != 0 && is_harmless(character.code)) {
      text.append(line.substr(0, length)).append(character.code == '\\' ? 1 : 0, '\\');
    } else {
      for (const char c : line.substr(0, length)) append_escaped(text, c);
    }
    line.remove_prefix(length);
  }
  return text;
}

std::string talk_lines(std::string_view address, std::uint16_t port, std::string_view text) {
  const std::string who = "message from <" + std::string(address) + "," + std::to_string(port) + ">: ";
  std::string lines;
  do {
    const std::size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    if (line.ends_with('\r')) line.remove_suffix(1);
    lines.append(who).append(harmless(line)).append(1, '\n');
    text.remove_prefix(std::min(end + 1, text.size()));
  } while (!text.empty());
  return lines;
}

}  // namespace gl::services
