#include "lib/services/http/negotiate.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "lib/base/text.h"
#include "lib/services/http/date.h"

namespace gl::http {
namespace {

using files::Coding;
using files::File;

// Thousandths; 1000 where none is named, 0 where it is none.
unsigned weight(std::string_view parameters) noexcept {
  while (!parameters.empty()) {
    std::string_view parameter = take_member(parameters, ';');
    const std::string_view name = take_member(parameter, '=');
    if (!same_word(name, "q")) continue;
    unsigned value = 0;
    unsigned scale = 1000;
    for (std::size_t i = 0; i < parameter.size() && i < 5; ++i) {
      const char c = parameter[i];
      if (i == 1 && c == '.') continue;
      if (c < '0' || c > '9') return 0;
      value += static_cast<unsigned>(c - '0') * scale;
      scale /= 10;
    }
    return std::min(value, 1000u);
  }
  return 1000;
}

// Of the lists of If-Match and If-None-Match: whether one member is this entity tag.
bool names(std::string_view list, std::string_view etag, bool weakly) noexcept {
  list = trimmed(list);
  if (list == "*") return true;
  while (!list.empty()) {
    std::string_view member = take_member(list, ',');
    const bool weak = member.starts_with("W/");
    if (weak) member.remove_prefix(2);
    if ((weakly || !weak) && member == etag) return true;
  }
  return false;
}

std::optional<std::uint64_t> digits(std::string_view text) noexcept {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || end != text.data() + text.size()) return std::nullopt;
  if (error == std::errc::result_out_of_range) return UINT64_MAX;
  return error == std::errc{} ? std::optional(value) : std::nullopt;
}

}  // namespace

std::optional<Coding> choose_coding(const File& file, std::string_view accept_encoding) noexcept {
  if (accept_encoding.empty() || !file.has_coded()) return std::nullopt;
  std::array<int, files::kCodings> wanted;
  wanted.fill(-1);
  int any = -1;
  while (!accept_encoding.empty()) {
    std::string_view parameters = take_member(accept_encoding, ',');
    const std::string_view token = take_member(parameters, ';');
    const int q = static_cast<int>(weight(parameters));
    if (token == "*") any = q;
    for (std::size_t i = 0; i < files::kCodings; ++i) {
      const bool x_gzip = i == 0 && same_word(token, "x-gzip");
      if (x_gzip || same_word(token, files::kCodingNames[i].token)) wanted[i] = q;
    }
  }
  std::optional<Coding> best;
  int best_weight = 0;
  // Of equal ones what is smallest as a rule.
  for (const Coding coding : {Coding::brotli, Coding::zstd, Coding::gzip}) {
    const auto i = static_cast<std::size_t>(coding);
    const int q = wanted[i] >= 0 ? wanted[i] : std::max(any, 0);
    if (file.coded[i] == nullptr || q <= best_weight) continue;
    best = coding;
    best_weight = q;
  }
  return best;
}

Condition check_conditions(const Request& request, const File& file) noexcept {
  if (request.if_match.data() != nullptr) {
    if (!names(request.if_match, file.etag, false)) return Condition::failed;
  } else if (const auto since = parse_date(request.if_unmodified_since); since && file.modified > *since) {
    return Condition::failed;
  }
  if (request.if_none_match.data() != nullptr) {
    return names(request.if_none_match, file.etag, true) ? Condition::not_modified : Condition::holds;
  }
  const auto since = parse_date(request.if_modified_since);
  return since && file.modified <= *since ? Condition::not_modified : Condition::holds;
}

ByteRange parse_range(std::string_view range, std::uint64_t size) noexcept {
  constexpr std::string_view kUnit = "bytes=";
  if (range.size() < kUnit.size() || !same_word(range.substr(0, kUnit.size()), kUnit)) return {};
  range = trimmed(range.substr(kUnit.size()));
  if (range.find(',') != std::string_view::npos) return {};
  const std::size_t dash = range.find('-');
  if (dash == std::string_view::npos) return {};
  const auto first = digits(range.substr(0, dash));
  const auto last = digits(range.substr(dash + 1));
  const bool open = dash + 1 == range.size();
  if (dash == 0) {  // so many bytes at the end
    if (!last) return {};
    if (*last == 0 || size == 0) return {ByteRange::Kind::unsatisfiable};
    const std::uint64_t length = std::min(*last, size);
    return {ByteRange::Kind::part, size - length, length};
  }
  if (!first || (!open && (!last || *last < *first))) return {};
  if (*first >= size) return {ByteRange::Kind::unsatisfiable};
  const std::uint64_t end = open ? size : std::min(*last, size - 1) + 1;
  return {ByteRange::Kind::part, *first, end - *first};
}

bool range_applies(const Request& request, const File& file) noexcept {
  if (request.if_range.data() == nullptr) return true;
  if (request.if_range.starts_with("W/")) return false;
  if (request.if_range.starts_with('"')) return request.if_range == file.etag;
  const auto date = parse_date(request.if_range);
  return date && *date == file.modified;
}

}  // namespace gl::http
