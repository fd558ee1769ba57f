// Simplex-talk: whatever a datagram holds, each line that is printed says who sent it, has no control character but
// tabs, is UTF-8, and says what was sent: taken back, the escapes give the bytes again.
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "lib/services/talk/text.h"
#include "tests/fuzz/check.h"

namespace {

using gl::fuzz::check;

constexpr std::string_view kWho = "message from <2001:db8::1,40001>: ";

unsigned digit(char c) {
  check((c >= '0' && c <= '9') || (c >= 'A' && c <= 'F'), "an escape has two digits");
  return static_cast<unsigned>(c <= '9' ? c - '0' : c - 'A' + 10);
}

// What was sent, by what is shown.
std::string taken_back(std::string_view shown) {
  std::string sent;
  for (std::size_t i = 0; i < shown.size(); ++i) {
    if (shown[i] != '\\') {
      sent += shown[i];
      continue;
    }
    check(i + 1 < shown.size(), "a backslash does not end a line");
    if (shown[++i] == '\\') {
      sent += '\\';
      continue;
    }
    check(shown[i] == 'x' && i + 2 < shown.size(), "an escape is \\xHH");
    sent += static_cast<char>(digit(shown[i + 1]) * 16 + digit(shown[i + 2]));
    i += 2;
  }
  return sent;
}

// Sequences of RFC 3629 by their lengths; what they may not name is for harmless() to know.
void check_utf8(std::string_view text) {
  for (std::size_t i = 0; i < text.size();) {
    const auto lead = static_cast<std::uint8_t>(text[i]);
    check(lead == '\t' || lead >= 0x20, "no control character");
    check(lead != 0x7f && (lead < 0x80 || lead >= 0xc2) && lead < 0xf5, "a lead byte is one");
    const std::size_t length = lead < 0x80 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
    check(i + length <= text.size(), "a character is whole");
    for (std::size_t k = 1; k < length; ++k) check((text[i + k] & 0xc0) == 0x80, "so are its other bytes");
    check(lead != 0xc2 || static_cast<std::uint8_t>(text[i + 1]) >= 0xa0, "no control character of the second kind");
    i += length;
  }
}

std::vector<std::string> lines_of(std::string_view text) {
  std::vector<std::string> lines;
  for (std::size_t at = 0; at <= text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    lines.emplace_back(text.substr(at, end - at));
    at = end + 1;
  }
  if (lines.size() > 1 && lines.back().empty()) lines.pop_back();
  return lines;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const std::string printed = gl::services::talk_lines("2001:db8::1", 40001, text);
  check(printed.ends_with('\n'), "what is printed ends with its line");
  const std::vector<std::string> shown = lines_of(printed);
  std::vector<std::string> sent = lines_of(text);
  check(shown.size() == sent.size(), "as many lines as were sent");
  for (std::size_t i = 0; i < shown.size(); ++i) {
    check(shown[i].starts_with(kWho), "each says who");
    check_utf8(shown[i]);
    if (sent[i].ends_with('\r')) sent[i].pop_back();
    check(taken_back(std::string_view(shown[i]).substr(kWho.size())) == sent[i], "it says what was sent");
  }
  return 0;
}
