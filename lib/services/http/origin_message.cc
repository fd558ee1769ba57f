#include "lib/services/http/origin_message.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "lib/base/text.h"
#include "lib/services/http/characters.h"
#include "lib/services/http/date.h"

namespace gl::http {
namespace {

// Of one connection, not of the message.
constexpr auto kHopByHop =
    std::to_array<std::string_view>({"connection", "keep-alive", "proxy-connection", "proxy-authenticate",
                                     "proxy-authorization", "te", "trailer", "transfer-encoding", "upgrade"});
constexpr std::string_view kUs = "1.1 goldilocks";

bool is_number(std::string_view text) noexcept {
  return !text.empty() && std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
}

std::string_view without_end(std::string_view line) noexcept {
  if (line.ends_with('\n')) line.remove_suffix(1);
  if (line.ends_with('\r')) line.remove_suffix(1);
  return line;
}

// Names that the Connection fields list.
std::vector<std::string> listed_names(const Fields& fields) {
  std::vector<std::string> names;
  for (const auto& [name, text] : fields) {
    if (!same_word(name, "connection")) continue;
    for (std::string_view rest = text; !rest.empty();) names.push_back(lower(take_member(rest, ',')));
  }
  return names;
}

// The end-to-end ones.
Fields without_hop_by_hop(const Fields& fields) {
  const std::vector<std::string> listed = listed_names(fields);
  Fields kept;
  for (const auto& field : fields) {
    const std::string name = lower(field.first);
    if (std::ranges::find(kHopByHop, std::string_view(name)) == kHopByHop.end() &&
        std::ranges::find(listed, name) == listed.end()) {
      kept.push_back(field);
    }
  }
  return kept;
}

// Of a section whose lines are known to be `name: value`.
Fields read_fields(std::string_view text) {
  Fields fields;
  text.remove_prefix(std::min(text.find_first_not_of("\r\n"), text.size()));
  bool first = true;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size() - 1);
    const std::string_view line = without_end(text.substr(0, end + 1));
    text.remove_prefix(end + 1);
    if (line.empty()) break;
    if (std::exchange(first, false)) continue;  // the request line
    const std::size_t colon = line.find(':');
    if (colon == std::string_view::npos) continue;
    fields.emplace_back(line.substr(0, colon), trimmed(line.substr(colon + 1)));
  }
  return fields;
}

}  // namespace

Fields fields_to_ask_with(Bytes request, std::string_view client) {
  Fields fields = without_hop_by_hop(read_fields({reinterpret_cast<const char*>(request.data()), request.size()}));
  std::string forwarded;
  std::erase_if(fields, [&](const auto& field) {
    if (same_word(field.first, "x-forwarded-for") && !field.second.empty()) {
      forwarded.append(field.second).append(", ");
    }
    // No request that comes here has a body.
    return same_word(field.first, "x-forwarded-for") || same_word(field.first, "host") ||
           same_word(field.first, "content-length") || same_word(field.first, "expect");
  });
  fields.emplace_back("X-Forwarded-For", forwarded.append(client));
  fields.emplace_back("Via", kUs);
  return fields;
}

bool ResponseHead::take(std::string_view line) {
  bytes_ += line.size();
  if (complete_ || bytes_ > kMaxBytes) return false;
  if (!begun_) return begin(line);
  const std::string_view text = without_end(line);
  if (text.empty()) {
    // 101 would make the connection something else; nobody asked for that.
    if (status_ == 101) return false;
    begun_ = false;
    complete_ = status_ >= 200;
    return true;
  }
  // A continued line is not taken: RFC 9112 section 5.2 lets a gateway answer 502.
  const std::size_t colon = text.find(':');
  if (colon == std::string_view::npos || colon == 0 || !all(text.substr(0, colon), kToken)) return false;
  const std::string_view value = trimmed(text.substr(colon + 1));
  if (!all(value, kValue) || !note_framing(text.substr(0, colon), value)) return false;
  fields_.emplace_back(text.substr(0, colon), value);
  return true;
}

bool ResponseHead::begin(std::string_view line) {
  const std::string_view text = without_end(line);
  // "HTTP/1.1 200 OK"; the reason, and the space before it, may be missing.
  if (!text.starts_with("HTTP/1.") || text.size() < 12 || text[8] != ' ') return false;
  const auto status = parse_decimal(text.substr(9, 3), 100, 599);
  if (!status || (text.size() > 12 && text[12] != ' ')) return false;
  const std::string_view reason = trimmed(text.substr(std::min<std::size_t>(13, text.size())));
  if (!all(reason, kValue)) return false;
  status_ = static_cast<std::uint16_t>(*status);
  http10_ = text[7] == '0';
  length_.reset();
  reason_ = reason;
  fields_.clear();
  begun_ = true;
  return true;
}

// RFC 9112 section 6.3: two lengths, or one that is no number, leave open where a response ends; so does
// Transfer-Encoding in HTTP/1.0 (section 6.1).
bool ResponseHead::note_framing(std::string_view name, std::string_view value) {
  if (same_word(name, "transfer-encoding")) return !http10_;
  if (!same_word(name, "content-length")) return true;
  std::uint64_t length = 0;
  const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), length);
  if (!is_number(value) || error != std::errc{} || end != value.data() + value.size()) return false;
  if (length_ && *length_ != length) return false;
  length_ = length;
  return true;
}

std::optional<std::string_view> ResponseHead::value(std::string_view name) const noexcept {
  const auto found = std::ranges::find_if(fields_, [&](const auto& field) { return same_word(field.first, name); });
  if (found == fields_.end()) return std::nullopt;
  return found->second;
}

std::string ResponseHead::render(const Request& request, std::size_t body, std::int64_t unix_time) const {
  std::string head = "HTTP/1.1 " + std::to_string(status_) + " " + reason_ + "\r\n";
  const auto put = [&head](std::string_view name, std::string_view text) {
    head.append(name).append(": ").append(text).append("\r\n");
  };
  if (!value("date")) {
    const DateText date = date_text(unix_time);
    put("Date", {date.data(), date.size()});
  }
  if (request.close) {
    put("Connection", "close");
  } else if (request.http10) {
    put("Connection", "keep-alive");
  }
  if (status_ == 304 || (status_ != 204 && request.method == Method::head)) {
    // How long it would be, if the server says so.
    if (length_) put("Content-Length", std::to_string(*length_));
  } else if (status_ != 204) {
    put("Content-Length", std::to_string(body));
  }
  for (const auto& [name, text] : without_hop_by_hop(fields_)) {
    if (!same_word(name, "content-length")) put(name, text);
  }
  return head.append("\r\n");
}

}  // namespace gl::http
