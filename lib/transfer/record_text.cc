#include "lib/transfer/record_text.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "lib/base/text.h"
#include "lib/dns/types.h"

namespace gl::transfer {
namespace {

constexpr std::string_view kHex = "0123456789abcdef";

bool is_plain(char c) {
  return (lower(c) >= 'a' && lower(c) <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '*';
}

void append_number(std::string& text, std::uint32_t number) {
  std::array<char, 10> digits;
  const auto [end, error] = std::to_chars(digits.data(), digits.data() + digits.size(), number);
  text.append(digits.data(), end);
}

int hex_of(char c) {
  const std::size_t value = kHex.find(c);
  return value == std::string_view::npos ? -1 : static_cast<int>(value);
}

bool parse_hex(std::string_view hex, std::string& bytes) {
  if (hex.size() % 2 != 0) return false;
  bytes.resize(hex.size() / 2);
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    const int high = hex_of(hex[2 * i]);
    const int low = hex_of(hex[2 * i + 1]);
    if (high < 0 || low < 0) return false;
    bytes[i] = static_cast<char>(high << 4 | low);
  }
  return true;
}

// One character of a label; what it was is taken from the front.
bool take_character(std::string_view& text, char& c) {
  c = text.front();
  text.remove_prefix(1);
  if (c != '\\') return is_plain(c);
  const auto value = text.size() < 3 ? std::nullopt : parse_decimal(text.substr(0, 3), 0, 255);
  if (!value) return false;
  c = static_cast<char>(*value);
  text.remove_prefix(3);
  return true;
}

bool parse_name(std::string_view text, std::string& wire) {
  wire.clear();
  if (text == ".") return wire.push_back('\0'), true;
  while (!text.empty()) {
    const std::size_t at = wire.size();
    wire.push_back('\0');
    while (!text.empty() && text.front() != '.') {
      char c = 0;
      if (!take_character(text, c)) return false;
      wire.push_back(c);
    }
    const std::size_t length = wire.size() - at - 1;
    if (length == 0 || length > dns::kMaxLabel || text.empty()) return false;
    wire[at] = static_cast<char>(length);
    text.remove_prefix(1);  // the dot
  }
  wire.push_back('\0');
  return wire.size() > 1 && wire.size() <= dns::kMaxName;
}

std::string_view take_word(std::string_view& line) {
  const std::size_t end = std::min(line.find(' '), line.size());
  const std::string_view word = line.substr(0, end);
  line.remove_prefix(std::min(end + 1, line.size()));
  return word;
}

}  // namespace

void append_name(std::string& text, std::string_view name) {
  if (name.size() <= 1) text.push_back('.');
  while (name.size() > 1) {
    const auto length = static_cast<unsigned char>(name[0]);
    for (const char c : name.substr(1, length)) {
      if (is_plain(c)) {
        text.push_back(c);
        continue;
      }
      const auto byte = static_cast<unsigned char>(c);
      text.push_back('\\');
      for (const int unit : {100, 10, 1}) text.push_back(static_cast<char>('0' + byte / unit % 10));
    }
    text.push_back('.');
    name.remove_prefix(1U + length);
  }
}

void append_line(std::string& text, const Record& record) {
  append_name(text, record.owner);
  text.push_back(' ');
  append_number(text, record.ttl);
  text.append(" IN TYPE");
  append_number(text, record.type);
  text.append(" \\# ");
  append_number(text, static_cast<std::uint32_t>(record.data.size()));
  if (!record.data.empty()) text.push_back(' ');
  const std::size_t begin = text.size();
  text.resize(begin + 2 * record.data.size());
  char* to = text.data() + begin;
  for (const char c : record.data) {
    const auto byte = static_cast<unsigned char>(c);
    *to++ = kHex[byte >> 4];
    *to++ = kHex[byte & 15];
  }
  text.push_back('\n');
}

bool parse_line(std::string_view line, Record& record) {
  if (!parse_name(take_word(line), record.owner)) return false;
  const auto ttl = parse_decimal(take_word(line), 0, UINT32_MAX);
  if (!ttl || take_word(line) != "IN") return false;
  const std::string_view type = take_word(line);
  const auto number = type.starts_with("TYPE") ? parse_decimal(type.substr(4), 1, UINT16_MAX) : std::nullopt;
  if (!number || take_word(line) != "\\#") return false;
  const auto length = parse_decimal(take_word(line), 0, UINT16_MAX);
  if (!length || !parse_hex(line, record.data) || record.data.size() != *length) return false;
  record.ttl = *ttl;
  record.type = static_cast<std::uint16_t>(*number);
  record.rr_class = dns::rr_class::in;
  return true;
}

}  // namespace gl::transfer
