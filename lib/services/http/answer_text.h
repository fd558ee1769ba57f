// What answers are written with: status lines, fields, and the head of what names a file.
// Units: bytes, seconds since 1970. Ownership: the caller's room. Thread: pure functions. Errors: none: what does not
// fit is cut, and rooms are known to do. Sources: RFC 9110, RFC 9112.
#pragma once

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>

#include "lib/base/bytes.h"
#include "lib/files/file_set.h"
#include "lib/services/http/date.h"

namespace gl::http {

// As in a status line: "404 Not Found".
[[nodiscard]] std::string_view text_of(std::uint16_t status) noexcept;

// Writes text into room that is known to do.
class Writer {
 public:
  explicit Writer(std::span<char> room) noexcept : room_(room) {}

  Writer& put(std::string_view text) noexcept {
    const std::size_t length = std::min(text.size(), room_.size() - at_);
    if (length == 0) return *this;  // memcpy takes no null pointer, whatever the length
    std::memcpy(room_.data() + at_, text.data(), length);
    at_ += length;
    return *this;
  }
  Writer& put(std::uint64_t number) noexcept {
    const auto [end, error] = std::to_chars(room_.data() + at_, room_.data() + room_.size(), number);
    at_ = static_cast<std::size_t>(end - room_.data());
    return *this;
  }
  Writer& field(std::string_view name, std::string_view value) noexcept {
    return put(name).put(": ").put(value).put("\r\n");
  }
  Writer& field(std::string_view name, std::uint64_t value) noexcept {
    return put(name).put(": ").put(value).put("\r\n");
  }
  // As a path of a URI (RFC 3986 section 3.3).
  Writer& encoded(std::string_view path) noexcept;
  [[nodiscard]] std::size_t length() const noexcept { return at_; }

 private:
  std::span<char> room_;
  std::size_t at_ = 0;
};

[[nodiscard]] inline std::span<char> chars(MutableBytes bytes) noexcept {
  return {reinterpret_cast<char*>(bytes.data()), bytes.size()};
}
[[nodiscard]] inline std::string_view view(const DateText& date) noexcept {
  return {date.data(), date.size()};
}

// Status line and the fields of every answer.
void begin_head(Writer& head, std::uint16_t status, const DateText& date, bool http10, bool close) noexcept;
// What tells of a file, in answers with and without it.
void put_validators(Writer& head, const files::File& file, bool varies) noexcept;

}  // namespace gl::http
