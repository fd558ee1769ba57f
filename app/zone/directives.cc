#include "app/zone/directives.h"

#include <strings.h>

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <optional>

namespace gl::zone_program {
namespace {

bool equal_words(std::string_view a, std::string_view b) {
  return a.size() == b.size() && strncasecmp(a.data(), b.data(), a.size()) == 0;
}

// Follows quotes, comments and parentheses from line to line.
class Layers {
 public:
  // Whether the line begins outside of all of them.
  [[nodiscard]] bool at_top() const { return depth_ == 0 && !quoted_; }
  [[nodiscard]] std::uint64_t opened() const { return depth_ == 0 ? 0 : opened_; }

  void take(std::string_view line, std::uint64_t number) {
    for (std::size_t i = 0; i < line.size(); ++i) {
      const char c = line[i];
      if (c == '\\') {
        ++i;
      } else if (c == '"') {
        quoted_ = !quoted_;
      } else if (quoted_) {
        continue;
      } else if (c == ';') {
        return;
      } else if (c == '(') {
        if (depth_++ == 0) opened_ = number;
      } else if (c == ')' && depth_ > 0) {
        --depth_;
      }
    }
    quoted_ = false;  // a quotation does not go on behind the line
  }

 private:
  unsigned depth_ = 0;
  bool quoted_ = false;
  std::uint64_t opened_ = 0;
};

std::vector<std::string_view> words_of(std::string_view line) {
  std::vector<std::string_view> words;
  std::size_t at = 0;
  while (true) {
    at = line.find_first_not_of(" \t\r", at);
    if (at == std::string_view::npos || line[at] == ';') return words;
    std::size_t end = at;
    bool quoted = false;
    while (end < line.size() && (quoted || std::string_view(" \t\r;").find(line[end]) == std::string_view::npos)) {
      if (line[end] == '\\' && end + 1 < line.size())
        ++end;
      else if (line[end] == '"')
        quoted = !quoted;
      ++end;
    }
    end = std::min(end, line.size());
    words.push_back(line.substr(at, end - at));
    at = end;
  }
}

template <class Number>
std::optional<Number> number_of(std::string_view text) {
  Number value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc{} && end == text.data() + text.size() ? std::optional(value) : std::nullopt;
}

struct Range {
  std::uint64_t first = 0;
  std::uint64_t last = 0;
  std::uint64_t step = 1;
};

std::optional<Range> range_of(std::string_view text) {
  Range range;
  const std::size_t slash = text.find('/');
  const std::size_t dash = text.find('-');
  if (dash == std::string_view::npos || dash > slash) return std::nullopt;
  const auto first = number_of<std::uint32_t>(text.substr(0, dash));
  const auto last = number_of<std::uint32_t>(text.substr(dash + 1, std::min(slash, text.size()) - dash - 1));
  const auto step =
      slash == std::string_view::npos ? std::optional(1u) : number_of<std::uint32_t>(text.substr(slash + 1));
  if (!first || !last || !step || *step == 0 || *last < *first) return std::nullopt;
  range = {*first, *last, *step};
  return range;
}

// Nibbles in reverse order with dots between, as in ip6.arpa.
std::string nibbles(std::uint64_t value, std::uint32_t width, bool upper) {
  std::string text;
  const char* const digits = upper ? "0123456789ABCDEF" : "0123456789abcdef";
  do {
    if (!text.empty()) text += '.';
    text += digits[value & 15];
    value >>= 4;
  } while (value != 0 || text.size() < width);
  return text;
}

// `${offset,width,base}` behind the `$`; its end, or nothing where it is none.
std::optional<std::size_t> put_modified(std::string_view text, std::size_t at, std::uint64_t value, std::string& out) {
  const std::size_t close = text.find('}', at);
  if (close == std::string_view::npos) return std::nullopt;
  std::vector<std::string_view> parts;
  std::string_view rest = text.substr(at + 1, close - at - 1);
  while (true) {
    const std::size_t comma = rest.find(',');
    parts.push_back(rest.substr(0, comma));
    if (comma == std::string_view::npos) break;
    rest.remove_prefix(comma + 1);
  }
  const auto offset = number_of<std::int64_t>(parts[0]);
  const auto width = parts.size() > 1 ? number_of<std::uint32_t>(parts[1]) : std::optional(0u);
  const std::string_view base = parts.size() > 2 ? parts[2] : "d";
  if (!offset || !width || *width > 255 || parts.size() > 3 || base.size() != 1) return std::nullopt;
  if (*offset < -0xffffffffLL || *offset > 0xffffffffLL) return std::nullopt;
  if (*offset < 0 && value < static_cast<std::uint64_t>(-*offset)) return std::nullopt;
  value += static_cast<std::uint64_t>(*offset);
  char number[300];
  const int places = static_cast<int>(*width);
  switch (base[0]) {
    case 'd':
      std::snprintf(number, sizeof number, "%0*llu", places, static_cast<unsigned long long>(value));
      break;
    case 'o':
      std::snprintf(number, sizeof number, "%0*llo", places, static_cast<unsigned long long>(value));
      break;
    case 'x':
      std::snprintf(number, sizeof number, "%0*llx", places, static_cast<unsigned long long>(value));
      break;
    case 'X':
      std::snprintf(number, sizeof number, "%0*llX", places, static_cast<unsigned long long>(value));
      break;
    case 'n':
    case 'N':
      out += nibbles(value, *width, base[0] == 'N');
      return close + 1;
    default:
      return std::nullopt;
  }
  out += number;
  return close + 1;
}

bool put_template(std::string_view text, std::uint64_t value, std::string& out) {
  for (std::size_t i = 0; i < text.size();) {
    if (text[i] == '\\' && i + 1 < text.size()) {
      if (text[i + 1] != '$') out += '\\';
      out += text[i + 1];
      i += 2;
    } else if (text[i] != '$') {
      out += text[i++];
    } else if (i + 1 < text.size() && text[i + 1] == '$') {
      out += '$';
      i += 2;
    } else if (i + 1 < text.size() && text[i + 1] == '{') {
      const auto end = put_modified(text, i + 1, value, out);
      if (!end) return false;
      i = *end;
    } else {
      out += std::to_string(value);
      ++i;
    }
  }
  return true;
}

// $GENERATE range lhs [ttl] [class] type rhs
std::string generate(const std::vector<std::string_view>& words, std::string& out) {
  if (words.size() < 5) return "$GENERATE takes a range, a name, a type and its data";
  const auto range = range_of(words[1]);
  if (!range) return "$GENERATE: '" + std::string(words[1]) + "' is no range FIRST-LAST[/STEP]";
  if ((range->last - range->first) / range->step >= kMaxGenerated) {
    return "$GENERATE: more than " + std::to_string(kMaxGenerated) + " records";
  }
  for (std::uint64_t value = range->first; value <= range->last; value += range->step) {
    for (std::size_t i = 2; i < words.size(); ++i) {
      if (i > 2) out += ' ';
      if (!put_template(words[i], value, out)) return "$GENERATE: '" + std::string(words[i]) + "' cannot be filled in";
    }
    out += '\n';
  }
  return {};
}

// Escaped dots do not end a label.
bool is_absolute(std::string_view name) {
  if (name.empty() || name.back() != '.') return false;
  std::size_t backslashes = 0;
  while (backslashes + 1 < name.size() && name[name.size() - 2 - backslashes] == '\\') ++backslashes;
  return backslashes % 2 == 0;
}

std::string absolute(const std::string& name, const std::string& origin) {
  if (name == "@") return origin;
  std::string whole = name;
  whole.append(".");
  if (origin != ".") whole.append(origin);
  return whole;
}

}  // namespace

std::uint64_t Expanded::source_line(std::uint64_t line) const {
  const auto next = std::upper_bound(steps.begin(), steps.end(), line,
                                     [](std::uint64_t at, const Step& step) { return at < step.line; });
  if (next == steps.begin()) return line;
  const Step& step = *std::prev(next);
  return step.one ? step.source : step.source + (line - step.line);
}

bool needs_expansion(std::string_view text) {
  for (std::size_t at = text.find('$'); at != std::string_view::npos; at = text.find('$', at + 1)) {
    if (at != 0 && text[at - 1] != '\n') continue;
    const std::string_view line = text.substr(at, text.find('\n', at) - at);
    const auto words = words_of(line);
    if (words.empty()) continue;
    if (equal_words(words[0], "$GENERATE")) return true;
    if (equal_words(words[0], "$ORIGIN") && words.size() > 1 && !is_absolute(words[1])) return true;
    if (equal_words(words[0], "$INCLUDE") && words.size() > 2 && !is_absolute(words[2])) return true;
  }
  return false;
}

Expanded expand(std::string_view text, std::string origin) {
  Expanded expanded;
  Layers layers;
  std::uint64_t number = 0;
  std::uint64_t written = 0;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    ++number;
    const bool directive = layers.at_top() && line.starts_with('$');
    const auto words = directive ? words_of(line) : std::vector<std::string_view>{};
    if (!words.empty() && equal_words(words[0], "$GENERATE")) {
      const std::size_t before = expanded.text.size();
      expanded.steps.push_back({written + 1, number, true});
      expanded.error = generate(words, expanded.text);
      if (!expanded.error.empty()) {
        expanded.error_line = number;
        return expanded;
      }
      written += static_cast<std::uint64_t>(
          std::count(expanded.text.begin() + static_cast<std::ptrdiff_t>(before), expanded.text.end(), '\n'));
      expanded.steps.push_back({written + 1, number + 1, false});
      continue;
    }
    layers.take(line, number);
    const std::size_t named = words.empty()                       ? 0
                              : equal_words(words[0], "$ORIGIN")  ? 1
                              : equal_words(words[0], "$INCLUDE") ? 2
                                                                  : 0;
    if (named != 0 && words.size() > named) {
      std::string name(words[named]);
      if (!is_absolute(name)) name = absolute(name, origin);
      if (named == 1) origin = name;
      for (std::size_t i = 0; i < words.size(); ++i) {
        expanded.text.append(i == 0 ? "" : " ").append(i == named ? name : std::string(words[i]));
      }
    } else {
      expanded.text += line;
    }
    expanded.text += '\n';
    ++written;
  }
  return expanded;
}

std::uint64_t unclosed_parenthesis(std::string_view text) {
  Layers layers;
  for (std::uint64_t number = 1; !text.empty(); ++number) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    layers.take(text.substr(0, end), number);
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return layers.opened();
}

}  // namespace gl::zone_program
