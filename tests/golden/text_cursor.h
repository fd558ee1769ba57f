// A cursor over one line of text, for the small grammars of the golden dialogues.
// Ownership: borrows the line. Thread: plain values. Errors: std::runtime_error with the place in the line.
#pragma once

#include <cctype>
#include <charconv>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>

namespace gl::golden {

class TextCursor {
 public:
  explicit TextCursor(std::string_view line) : rest_(line) {}

  [[nodiscard]] bool at_end() {
    skip_spaces();
    return rest_.empty();
  }
  [[nodiscard]] std::string_view rest() {
    skip_spaces();
    return rest_;
  }
  // Steps over `literal` if it comes next.
  [[nodiscard]] bool accept(std::string_view literal) {
    skip_spaces();
    if (!rest_.starts_with(literal)) return false;
    rest_.remove_prefix(literal.size());
    return true;
  }
  void expect(std::string_view literal) {
    if (!accept(literal)) fail("expected '" + std::string(literal) + "'");
  }
  // Letters up to the next space or sign.
  [[nodiscard]] std::string_view word() {
    skip_spaces();
    std::size_t n = 0;
    while (n < rest_.size() && (std::isalpha(static_cast<unsigned char>(rest_[n])) != 0 || rest_[n] == '_')) ++n;
    const std::string_view found = rest_.substr(0, n);
    rest_.remove_prefix(n);
    return found;
  }
  // Everything up to the next space.
  [[nodiscard]] std::string_view token() {
    skip_spaces();
    const std::string_view found = rest_.substr(0, rest_.find(' '));
    rest_.remove_prefix(found.size());
    return found;
  }
  [[nodiscard]] std::uint32_t number() {
    skip_spaces();
    const bool hex = rest_.starts_with("0x");
    if (hex) rest_.remove_prefix(2);
    std::uint32_t value = 0;
    const auto [end, error] = std::from_chars(rest_.data(), rest_.data() + rest_.size(), value, hex ? 16 : 10);
    if (error != std::errc{}) fail("expected a number");
    rest_.remove_prefix(static_cast<std::size_t>(end - rest_.data()));
    return value;
  }
  [[nodiscard]] double seconds() {
    const std::string_view text = token();
    double value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || end != text.data() + text.size()) fail("expected seconds");
    return value;
  }
  [[noreturn]] void fail(const std::string& what) const {
    throw std::runtime_error(what + " at '" + std::string(rest_) + "'");
  }

 private:
  void skip_spaces() {
    while (!rest_.empty() && rest_.front() == ' ') rest_.remove_prefix(1);
  }
  std::string_view rest_;
};

}  // namespace gl::golden
