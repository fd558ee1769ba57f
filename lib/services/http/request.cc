#include "lib/services/http/request.h"

#include <algorithm>
#include <cstring>

#include "lib/base/text.h"
#include "lib/services/http/characters.h"

namespace gl::http {
namespace {

constexpr std::uint16_t kBadRequest = 400, kContentTooLarge = 413, kUriTooLong = 414, kExpectationFailed = 417,
                        kFieldsTooLarge = 431, kNotImplemented = 501, kVersionNotSupported = 505;

class Parser {
 public:
  explicit Parser(std::string_view stream) noexcept : stream_(stream) {}

  [[nodiscard]] Parsed run() noexcept {
    skip_empty_line();
    std::string_view line;
    if (!take_line(line, kUriTooLong)) return end();
    if (!request_line(line)) return refuse(kBadRequest);
    if (status_ != 0) return refuse(status_);
    for (;;) {
      if (!take_line(line, kFieldsTooLarge)) return end();
      if (line.empty()) break;
      if (!field(line)) return refuse(kBadRequest);
    }
    finish();
    if (status_ != 0) return refuse(status_);
    parsed_.kind = Parsed::Kind::complete;
    parsed_.length = at_;
    return parsed_;
  }

 private:
  enum class Line : std::uint8_t { whole, incomplete, refused };

  // RFC 9112 section 2.2: one in front of the request line is passed over.
  void skip_empty_line() noexcept {
    if (stream_.starts_with("\r\n")) at_ = 2;
  }

  // The next line without its CRLF. False: there is none yet, or it cannot become one (`status_`).
  [[nodiscard]] bool take_line(std::string_view& line, std::uint16_t when_too_long) noexcept {
    const std::size_t most = std::min(stream_.size(), kMaxRequest);
    for (std::size_t i = at_; i < most; ++i) {
      const char c = stream_[i];
      if (is(c, kValue)) [[likely]]
        continue;
      if (c != '\r') return at_ = i + 1, status_ = kBadRequest, false;  // a bare LF, a NUL, another control character
      // Its LF has not come, or is one byte too far.
      if (i + 1 == most) break;
      if (stream_[i + 1] != '\n') return at_ = i + 2, status_ = kBadRequest, false;
      line = stream_.substr(at_, i - at_);
      at_ = i + 2;
      return true;
    }
    if (most == kMaxRequest) at_ = kMaxRequest, status_ = when_too_long;
    return false;
  }

  [[nodiscard]] Parsed end() noexcept { return status_ == 0 ? Parsed{} : refuse(status_); }
  [[nodiscard]] Parsed refuse(std::uint16_t status) noexcept {
    return {Parsed::Kind::refused, status, at_, parsed_.request};
  }

  [[nodiscard]] bool request_line(std::string_view line) noexcept {
    const std::size_t first = line.find(' ');
    const std::size_t last = line.rfind(' ');
    if (first == std::string_view::npos || first == 0 || last == first) return false;
    const std::string_view method = line.substr(0, first);
    const std::string_view target = line.substr(first + 1, last - first - 1);
    if (!all(method, kToken) || target.empty() || !all(target, kTarget)) return false;
    if (!version(line.substr(last + 1))) return false;
    request().method = method_of(method);
    if (target.size() > kMaxTarget) return status_ = kUriTooLong, true;
    return split_target(target);
  }
  [[nodiscard]] bool version(std::string_view text) noexcept {
    const auto digit = [](char c) { return c >= '0' && c <= '9'; };
    if (text.size() != 8 || !text.starts_with("HTTP/") || !digit(text[5]) || text[6] != '.' || !digit(text[7]))
      return false;
    if (text[5] != '1') status_ = kVersionNotSupported;
    request().http10 = text[7] == '0';
    request().close = request().http10;
    return true;
  }
  [[nodiscard]] static Method method_of(std::string_view name) noexcept {
    if (name == "GET") return Method::get;
    if (name == "HEAD") return Method::head;
    if (name == "OPTIONS") return Method::options;
    for (const std::string_view other : {"POST", "PUT", "DELETE", "CONNECT", "TRACE", "PATCH"}) {
      if (name == other) return Method::not_allowed;
    }
    return Method::unknown;
  }
  // RFC 9112 section 3.2: origin-form, absolute-form, authority-form of CONNECT, asterisk-form of OPTIONS.
  [[nodiscard]] bool split_target(std::string_view target) noexcept {
    if (target.find('#') != std::string_view::npos) return false;
    if (target == "*") return request().path = target, request().method == Method::options;
    if (target.front() != '/') {
      if (request().method == Method::not_allowed) return request().path = "/", true;
      if (!split_authority(target)) return false;
    }
    const std::size_t mark = std::min(target.find('?'), target.size());
    request().path = target.substr(0, mark);
    request().has_query = mark < target.size();
    request().query = target.substr(std::min(mark + 1, target.size()));
    if (request().path.empty()) request().path = "/";
    return true;
  }
  // Takes scheme and authority from the front of an absolute target; the authority counts in place of Host.
  [[nodiscard]] bool split_authority(std::string_view& target) noexcept {
    constexpr std::string_view kScheme = "http://";
    if (target.size() < kScheme.size() || !same_word(target.substr(0, kScheme.size()), kScheme)) return false;
    target.remove_prefix(kScheme.size());
    const std::size_t end = std::min(target.find_first_of("/?"), target.size());
    request().host = target.substr(0, end);
    absolute_ = true;
    target.remove_prefix(end);
    return !request().host.empty() && all(request().host, kHost);
  }

  [[nodiscard]] bool field(std::string_view line) noexcept {
    if (++fields_ > kMaxFields) return later_ = kFieldsTooLarge, true;
    // A line that begins with a space goes on with the one before (obs-fold), and one in front of the colon makes two
    // names of one: RFC 9112 sections 5.1 and 5.2.
    const std::size_t colon = line.find(':');
    if (colon == std::string_view::npos || colon == 0 || !all(line.substr(0, colon), kToken)) return false;
    return take_field(line.substr(0, colon), trimmed(line.substr(colon + 1)));
  }
  [[nodiscard]] bool take_field(std::string_view name, std::string_view value) noexcept {
    if (same_word(name, "host")) return host(value);
    if (same_word(name, "content-length")) return content_length(value);
    if (same_word(name, "transfer-encoding")) return transfer_encoding(value);
    if (same_word(name, "connection")) return connection(value), true;
    if (same_word(name, "expect")) return expect(value), true;
    struct Kept {
      std::string_view name;
      std::string_view Request::*field;
    };
    static constexpr std::array<Kept, 7> kKept = {{{"accept-encoding", &Request::accept_encoding},
                                                   {"if-match", &Request::if_match},
                                                   {"if-none-match", &Request::if_none_match},
                                                   {"if-modified-since", &Request::if_modified_since},
                                                   {"if-unmodified-since", &Request::if_unmodified_since},
                                                   {"if-range", &Request::if_range},
                                                   {"range", &Request::range}}};
    for (const Kept& kept : kKept) {
      // Of a field that comes again the first one counts.
      if (same_word(name, kept.name) && (request().*kept.field).data() == nullptr) request().*kept.field = value;
    }
    return true;
  }
  [[nodiscard]] bool host(std::string_view value) noexcept {
    if (hosts_++ != 0 || !all(value, kHost)) return false;
    if (!absolute_) request().host = value;
    return true;
  }
  [[nodiscard]] bool content_length(std::string_view value) noexcept {
    if (lengths_++ != 0 || value.empty()) return false;
    if (!std::ranges::all_of(value, [](char c) { return c >= '0' && c <= '9'; })) return false;
    if (value.find_first_not_of('0') != std::string_view::npos) request().has_body = true;
    return true;
  }
  [[nodiscard]] bool transfer_encoding(std::string_view value) noexcept {
    if (encodings_++ != 0 || request().http10) return false;
    request().has_body = true;
    if (!same_word(value, "chunked")) later_ = kNotImplemented;
    return true;
  }
  void connection(std::string_view value) noexcept {
    while (!value.empty()) {
      const std::string_view option = take_member(value, ',');
      if (same_word(option, "close")) close_ = true;
      if (same_word(option, "keep-alive")) keep_ = true;
    }
  }
  void expect(std::string_view value) noexcept {
    if (!same_word(value, "100-continue")) failed_expectation_ = true;
  }

  void finish() noexcept {
    Request& r = request();
    if (close_) r.close = true;
    if (keep_ && !close_) r.close = false;
    status_ = later_;
    if ((hosts_ == 0 && !r.http10) || (lengths_ != 0 && encodings_ != 0)) status_ = kBadRequest;
    if (status_ == 0 && failed_expectation_) status_ = kExpectationFailed;
    const bool reads = r.method == Method::get || r.method == Method::head || r.method == Method::options;
    if (status_ == 0 && r.has_body && reads) status_ = kContentTooLarge;
  }

  [[nodiscard]] Request& request() noexcept { return parsed_.request; }

  static constexpr unsigned kMaxFields = 100;

  const std::string_view stream_;
  std::size_t at_ = 0;
  std::uint16_t status_ = 0;  // why it is refused here
  std::uint16_t later_ = 0;   // why it is when its end has come
  unsigned fields_ = 0;
  unsigned hosts_ = 0;
  unsigned lengths_ = 0;
  unsigned encodings_ = 0;
  bool absolute_ = false;
  bool close_ = false;
  bool keep_ = false;
  bool failed_expectation_ = false;
  Parsed parsed_;
};

int hex_digit(char c) noexcept {
  if (c >= '0' && c <= '9') return c - '0';
  const char l = lower(c);
  return l >= 'a' && l <= 'f' ? l - 'a' + 10 : -1;
}

// The bytes of `path`, decoded, into `room`, which is as long. 0: an escape that is none, or a NUL.
std::size_t decode(std::string_view path, char* room) noexcept {
  std::size_t length = 0;
  for (std::size_t i = 0; i < path.size(); ++i) {
    char c = path[i];
    if (c == '%') {
      if (path.size() - i < 3) return 0;
      const int high = hex_digit(path[i + 1]), low = hex_digit(path[i + 2]);
      if (high < 0 || low < 0) return 0;
      c = static_cast<char>(high * 16 + low);
      i += 2;
    }
    if (c == '\0') return 0;
    room[length++] = c;
  }
  return length;
}

}  // namespace

Parsed parse_request(Bytes stream) noexcept {
  return Parser({reinterpret_cast<const char*>(stream.data()), stream.size()}).run();
}

std::string_view decode_path(std::string_view path, std::span<char> room) noexcept {
  if (path.size() > room.size() || path.empty() || path.front() != '/') return {};
  const std::size_t length = decode(path, room.data());
  // Segment by segment to the front of the same room: what is kept is never longer than what was read.
  std::size_t out = 0;
  for (std::size_t at = 0; at < length;) {
    const std::size_t begin = at + 1;  // behind the slash
    const char* const slash = static_cast<const char*>(std::memchr(room.data() + begin, '/', length - begin));
    const std::size_t end = slash == nullptr ? length : static_cast<std::size_t>(slash - room.data());
    const std::string_view segment(room.data() + begin, end - begin);
    const bool last = end == length;
    if (segment == "..") {
      if (out == 0) return {};
      while (room[--out] != '/') {
      }
    } else if (!segment.empty() && segment != ".") {
      room[out++] = '/';
      std::memmove(room.data() + out, segment.data(), segment.size());
      out += segment.size();
      at = end;
      continue;
    }
    if (last) room[out++] = '/';  // the path of a directory
    at = end;
  }
  return {room.data(), out};
}

}  // namespace gl::http
