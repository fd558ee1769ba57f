// Small tools for text of the ASCII kind: protocol words, lists, numbers, lines for the operator.
// Ownership: views of what was given. Thread: pure functions. Errors: by value. What is noexcept does not allocate.
#pragma once

#include <arpa/inet.h>

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace gl {

[[nodiscard]] constexpr char lower(char c) noexcept {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}
[[nodiscard]] inline std::string lower(std::string_view text) {
  std::string result(text);
  std::ranges::transform(result, result.begin(), [](char c) { return lower(c); });
  return result;
}
// Whether `text` is `word` in whatever case; `word` is in lower case.
[[nodiscard]] inline bool same_word(std::string_view text, std::string_view word) noexcept {
  return std::ranges::equal(text, word, [](char a, char b) { return lower(a) == b; });
}
// Without spaces and tabs at both ends.
[[nodiscard]] inline std::string_view trimmed(std::string_view text) noexcept {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}
// Takes what stands in front of `mark`, or all, from the front of `text`, and the mark with it. Returned trimmed.
[[nodiscard]] inline std::string_view take_member(std::string_view& text, char mark) noexcept {
  const std::size_t end = std::min(text.find(mark), text.size());
  const std::string_view front = trimmed(text.substr(0, end));
  text.remove_prefix(std::min(end + 1, text.size()));
  return front;
}
// A decimal number and nothing else, from `low` to `high`.
[[nodiscard]] inline std::optional<std::uint32_t> parse_decimal(std::string_view text, std::uint32_t low,
                                                                std::uint32_t high) noexcept {
  std::uint32_t value = 0;
  const char* const end = text.data() + text.size();
  const auto [at, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc{} || at != end || value < low || value > high) return std::nullopt;
  return value;
}
// An address of 4 or 16 bytes, in network byte order, as it is written (RFC 5952).
[[nodiscard]] inline std::string address_text(const std::uint8_t* bytes, std::size_t length) {
  char text[INET6_ADDRSTRLEN] = "?";
  (void)inet_ntop(length == 4 ? AF_INET : AF_INET6, bytes, text, sizeof text);
  return text;
}
// A byte that is not to be printed, as \xHH.
inline void append_escaped(std::string& text, char c) {
  constexpr std::string_view kHex = "0123456789ABCDEF";
  const auto byte = static_cast<unsigned char>(c);
  text.append("\\x").append(1, kHex[byte >> 4]).append(1, kHex[byte & 15]);
}
// "1 zone", "2 zones".
[[nodiscard]] inline std::string counted(std::size_t count, std::string_view what) {
  return std::to_string(count).append(" ").append(what).append(count == 1 ? "" : "s");
}

}  // namespace gl
