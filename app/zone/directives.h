// Directives that libzscanner has not: $GENERATE, and an $ORIGIN that is itself relative (RFC 1035 5.1). They are
// written out before it reads the text. Ownership: values. Thread: pure functions. Errors: by value.
// Source of $GENERATE: BIND 9 Administrator Reference Manual, "The $GENERATE Directive".
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace gl::zone_program {

// A text in which every line has the number that it had in the file.
struct Expanded {
  std::string text;
  struct Step {
    std::uint64_t line = 0;    // of `text`: from here on
    std::uint64_t source = 0;  // of the file
    bool one = false;          // all of them came from that one line
  };
  std::vector<Step> steps;
  std::uint64_t error_line = 0;  // 0: none
  std::string error;

  [[nodiscard]] std::uint64_t source_line(std::uint64_t line) const;
};

// So many lines a directive at most.
inline constexpr std::uint64_t kMaxGenerated = 1 << 20;

// Whether the text has anything for expand().
[[nodiscard]] bool needs_expansion(std::string_view text);
// `origin`: absolute, as text.
[[nodiscard]] Expanded expand(std::string_view text, std::string origin);

// Where the parenthesis opens that is never closed; 0: there is none.
[[nodiscard]] std::uint64_t unclosed_parenthesis(std::string_view text);

}  // namespace gl::zone_program
