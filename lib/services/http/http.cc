#include "lib/services/http/http.h"

#include <algorithm>
#include <charconv>
#include <cstring>

#include "lib/base/text.h"
#include "lib/services/http/negotiate.h"

namespace gl::http {
namespace {

using files::File;
using files::FileSet;

// The date in an answer is when it could first have been made: the beginning of a period of this length. A client that
// is in the middle of an answer gets the same date with what is missing.
constexpr std::int64_t kDateSeconds = 1800;
constexpr std::int64_t kClockSkew = 30;  // between the nodes behind one address
constexpr std::uint32_t kDateMask = 0xff;

// Versions of what no file says. Those of files begin at 16.
constexpr std::uint32_t kConstant = 1;
constexpr std::uint32_t kNothingThere = 2;
constexpr std::uint32_t kSlashMissing = 3;

constexpr std::uint16_t kFound = 0;

struct StatusText {
  std::uint16_t status;
  std::string_view text;
};
constexpr auto kStatusTexts = std::to_array<StatusText>({
    {200, "200 OK"},
    {204, "204 No Content"},
    {206, "206 Partial Content"},
    {301, "301 Moved Permanently"},
    {304, "304 Not Modified"},
    {400, "400 Bad Request"},
    {404, "404 Not Found"},
    {405, "405 Method Not Allowed"},
    {412, "412 Precondition Failed"},
    {413, "413 Content Too Large"},
    {414, "414 URI Too Long"},
    {416, "416 Range Not Satisfiable"},
    {417, "417 Expectation Failed"},
    {421, "421 Misdirected Request"},
    {431, "431 Request Header Fields Too Large"},
    {501, "501 Not Implemented"},
    {505, "505 HTTP Version Not Supported"},
});
std::string_view text_of(std::uint16_t status) noexcept {
  const auto found = std::ranges::find(kStatusTexts, status, &StatusText::status);
  return found == kStatusTexts.end() ? "500 Internal Server Error" : found->text;
}

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
  Writer& encoded(std::string_view path) noexcept {
    for (const char c : path) {
      const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                         std::string_view("/-._~!$&'()*+,;=:@").find(c) != std::string_view::npos;
      constexpr std::string_view kHex = "0123456789ABCDEF";
      const auto byte = static_cast<unsigned char>(c);
      const std::array<char, 3> escape = {'%', kHex[byte >> 4], kHex[byte & 15]};
      put(plain ? std::string_view(&c, 1) : std::string_view(escape.data(), escape.size()));
    }
    return *this;
  }
  [[nodiscard]] std::size_t length() const noexcept { return at_; }

 private:
  std::span<char> room_;
  std::size_t at_ = 0;
};

std::span<char> chars(MutableBytes bytes) noexcept {
  return {reinterpret_cast<char*>(bytes.data()), bytes.size()};
}
std::string_view view(const DateText& date) noexcept {
  return {date.data(), date.size()};
}

// Status line and the fields of every answer.
void begin_head(Writer& head, std::uint16_t status, const DateText& date, const Request& request, bool close) noexcept {
  head.put("HTTP/1.1 ").put(text_of(status)).put("\r\n").field("Date", view(date));
  if (close) {
    head.field("Connection", "close");
  } else if (request.http10) {
    head.field("Connection", "keep-alive");
  }
}

// What tells of a file, in answers with and without it.
void put_validators(Writer& head, const File& file, const File& plain) noexcept {
  head.field("ETag", file.etag);
  if (plain.has_coded()) head.field("Vary", "Accept-Encoding");
}

}  // namespace

// ---- One port

Framed HttpPort::next_request(Bytes stream, bool) const noexcept {
  const Parsed parsed = parse_request(stream);
  if (parsed.kind == Parsed::Kind::incomplete) return {};
  return {Framed::Kind::complete, stream.first(parsed.length), parsed.length};
}

Answer HttpPort::answer(Bytes request, MutableBytes buffer, const RequestContext& context) noexcept {
  const Parsed parsed = parse_request(request);
  return service_.answer(parsed, site_of(parsed.request.host), buffer, context);
}

const Site* HttpPort::site_of(std::string_view host) const noexcept {
  // Without the port; an IPv6 address is in brackets.
  const std::size_t colon = host.rfind(':');
  if (colon != std::string_view::npos && host.find(']', colon) == std::string_view::npos) host = host.substr(0, colon);
  if (host.ends_with('.')) host.remove_suffix(1);
  const Site* fallback = nullptr;
  for (const Site& site : sites_) {
    const bool same = same_word(host, site.host);
    if (site.host.empty()) {
      if (fallback == nullptr) fallback = &site;
    } else if (same) {
      return &site;
    }
  }
  return fallback;
}

std::size_t HttpPort::read(const Answer& answer, std::uint64_t offset, MutableBytes out) noexcept {
  const HttpService::Head& head = (*service_.heads_)[answer.handle % HttpService::kHeads];
  if (offset >= answer.length) return 0;
  const std::size_t length = std::min<std::uint64_t>(out.size(), answer.length - offset);
  if (length == 0) return 0;
  std::size_t written = 0;
  if (offset < head.length) {
    written = std::min<std::size_t>(length, head.length - offset);
    std::memcpy(out.data(), head.text.data() + offset, written);
  }
  if (written < length)
    std::memcpy(out.data() + written, head.body + (offset + written - head.length), length - written);
  return length;
}

std::size_t HttpPort::largest_answer() const noexcept {
  const files::PublishedFiles* const published = service_.files_;
  if (published == nullptr) return HttpService::kMaxHead;
  std::size_t largest = published->current->largest();
  for (const FileSet* const kept : published->kept)
    largest = kept == nullptr ? largest : std::max(largest, kept->largest());
  return HttpService::kMaxHead + std::min(largest, HttpService::kMaxBody);
}

// ---- The service

HttpService::HttpService(const std::atomic<const files::PublishedFiles*>& published,
                         const std::atomic<std::int64_t>& unix_time, std::uint32_t linger_seconds)
    : published_(published),
      unix_time_(unix_time),
      linger_(linger_seconds),
      date_text_(date_text(0)),
      heads_(std::make_unique<std::array<Head, kHeads>>()) {}

HttpPort& HttpService::add_port(std::vector<Site> sites) {
  ports_.push_back(std::make_unique<HttpPort>(*this, std::move(sites)));
  return *ports_.back();
}

void HttpService::begin_burst(std::uint64_t) noexcept {
  files_ = published_.load(std::memory_order_acquire);
  now_ = unix_time_.load(std::memory_order_relaxed);
  const auto date = static_cast<std::uint32_t>(now_ / kDateSeconds);
  if (date == date_) return;
  date_ = date;
  date_text_ = date_text(std::int64_t{date} * kDateSeconds);
}

void HttpService::read_counters(CounterReader& reader) const {
#define X(name, help) reader.read(#name, name##_.value());
  GL_HTTP_COUNTERS(X)
#undef X
}

DateText HttpService::date_of(std::uint32_t index) const noexcept {
  return index == date_ ? date_text_ : date_text(std::int64_t{index} * kDateSeconds);
}

void HttpService::count(std::uint16_t status) noexcept {
  switch (status) {
    case 200:
    case 204:
      return ok_.add();
    case 206:
      return partial_.add();
    case 301:
      return redirected_.add();
    case 304:
      return not_modified_.add();
    case 400:
    case 505:
      return bad_requests_.add();
    case 404:
      return not_found_.add();
    case 405:
      return not_allowed_.add();
    default:
      return other_errors_.add();
  }
}

HttpService::Choice HttpService::choose(const FileSet* set, const Site* site, const Parsed& parsed,
                                        std::span<char> room) const noexcept {
  const Request& request = parsed.request;
  Choice choice{.version = kConstant};
  const auto constant = [&choice](std::uint16_t status) { return choice.status = status, choice; };
  if (parsed.kind == Parsed::Kind::refused) return constant(parsed.status);
  if (request.method == Method::unknown) return constant(501);
  if (request.method == Method::not_allowed) return constant(405);
  if (request.method == Method::options) return constant(204);
  if (site == nullptr) return constant(421);
  choice.path = decode_path(request.path, room);
  if (choice.path.empty()) return constant(400);
  if (!site->health.empty() && choice.path == site->health) return constant(200);
  const files::Place* const place = set == nullptr ? nullptr : set->find(site->root, choice.path);
  choice.since = set == nullptr ? 0 : set->generation();
  if (place != nullptr && place->lacks_slash) return choice.version = kSlashMissing, constant(301);
  if (place == nullptr || place->file == nullptr) return choice.version = kNothingThere, constant(404);
  choice.status = kFound;
  choice.file = choice.plain = place->file;
  if (const auto coding = choose_coding(*place->file, request.accept_encoding)) {
    const auto index = static_cast<std::size_t>(*coding);
    choice.file = place->file->coded[index].get();
    choice.coding = files::kCodingNames[index].token;
  }
  choice.version = choice.file->version;
  choice.since = std::max(choice.file->since, choice.plain->since);
  return choice;
}

// Whether the answer was the same during all of the last `linger` seconds, its date included.
bool HttpService::was_always(const Choice& choice, const Site* site, const Parsed& parsed,
                             std::span<char> room) const noexcept {
  const std::int64_t into = now_ % kDateSeconds;
  if (into < linger_ || into > kDateSeconds - kClockSkew) return false;
  if (files_ == nullptr || choice.version == kConstant) return true;
  return files_->was_always(choice.since, [&](const FileSet& set) -> std::optional<std::uint32_t> {
    const Choice before = choose(&set, site, parsed, room);
    return before.version == choice.version ? std::optional(before.since) : std::nullopt;
  });
}

// The client holds the beginning of this answer: which version of it, and with which date.
bool HttpService::find_begun(Choice& choice, std::uint32_t& date, const Site* site, const Parsed& parsed,
                             const RequestContext& context, std::span<char> room) const noexcept {
  if (context.identity == 0) return was_always(choice, site, parsed, room);
  date = date_ - ((date_ - context.identity) & kDateMask);
  const std::uint32_t version = context.identity >> 8;
  if (choice.version == version) return true;
  if (files_ == nullptr) return false;
  for (const FileSet* const set : files_->kept) {
    if (set == nullptr) break;
    choice = choose(set, site, parsed, room);
    if (choice.version == version) return true;
  }
  return false;
}

Answer HttpService::answer(const Parsed& parsed, const Site* site, MutableBytes buffer,
                           const RequestContext& context) noexcept {
  requests_.add();
  std::array<char, kMaxTarget> room;
  const FileSet* const current = files_ == nullptr ? nullptr : files_->current;
  Choice choice = choose(current, site, parsed, room);
  std::uint32_t date = date_;
  if (context.continuation) {
    if (!find_begun(choice, date, site, parsed, context, room)) {
      unrepeatable_.add();
      return {Answer::Kind::unrepeatable};
    }
    continued_.add();
  }
  const Request& request = parsed.request;
  // Where a request ends that is refused, or whose body nobody reads, nobody can say.
  const bool close = request.close || parsed.kind == Parsed::Kind::refused || request.has_body;
  Answer answer = choice.status == kFound ? answer_file(request, choice, date, buffer)
                                          : answer_status(request, choice, date, close, buffer);
  answer.kind = Answer::Kind::answered;
  answer.close_after = close;
  answer.identity = choice.version << 8 | (date & kDateMask);
  return answer;
}

// An answer that says no more than its status.
Answer HttpService::answer_status(const Request& request, const Choice& choice, std::uint32_t date, bool close,
                                  MutableBytes buffer) noexcept {
  const std::uint16_t status = choice.status;
  count(status);
  Writer out(chars(buffer));
  begin_head(out, status, date_of(date), request, close);
  if (status == 204 || status == 405) out.field("Allow", "GET, HEAD, OPTIONS");
  if (status == 301) {
    out.put("Location: ").encoded(choice.path).put("/");
    if (!request.query.empty()) out.put("?").put(request.query);
    out.put("\r\n");
  }
  if (status == 204) return out.put("\r\n"), Answer{.length = out.length()};
  const std::string_view text = status == 200 ? "OK" : text_of(status);
  out.field("Content-Type", "text/plain").field("Content-Length", text.size() + 1).put("\r\n");
  if (request.method != Method::head) out.put(text).put("\n");
  return {.length = out.length()};
}

Answer HttpService::answer_file(const Request& request, const Choice& choice, std::uint32_t date,
                                MutableBytes buffer) noexcept {
  const File& file = *choice.file;
  const std::uint64_t size = file.body.size();
  const Condition condition = check_conditions(request, file);
  if (condition == Condition::failed) {
    Choice failed = choice;
    failed.status = 412;
    return answer_status(request, failed, date, request.close, buffer);
  }
  ByteRange range;
  if (request.method == Method::get && range_applies(request, file)) range = parse_range(request.range, size);
  std::uint16_t status = 200;
  if (condition == Condition::not_modified) {
    status = 304;
    range = {};
  } else if (range.kind != ByteRange::Kind::all) {
    status = range.kind == ByteRange::Kind::part ? 206 : 416;
  } else if (size > kMaxBody && request.method == Method::get) {
    status = 501;
    too_large_.add();
  }
  count(status);
  if (range.kind != ByteRange::Kind::part) range = {ByteRange::Kind::all, 0, size};
  // A part may be shorter than what was asked for: Content-Range says what it is (RFC 9110 section 15.3.7).
  if (status == 206) range.length = std::min<std::uint64_t>(range.length, kMaxBody);

  Head& head = (*heads_)[next_head_ % kHeads];
  Writer out(head.text);
  begin_head(out, status, date_of(date), request, request.close);
  std::string_view note;
  if (status == 416 || status == 501) {
    note = status == 416 ? "416 Range Not Satisfiable\n" : "501 Not Implemented: ask for ranges of this file\n";
    out.field("Content-Type", "text/plain").field("Content-Length", note.size());
  } else if (status != 304) {
    out.field("Content-Type", choice.plain->type).field("Content-Length", range.length);
  }
  if (status == 206) {
    out.put("Content-Range: bytes ")
        .put(range.first)
        .put("-")
        .put(range.first + range.length - 1)
        .put("/")
        .put(size)
        .put("\r\n");
  } else if (status == 416) {
    out.put("Content-Range: bytes */").put(size).put("\r\n");
  }
  // Never later than the date of the answer (RFC 9110 section 8.8.2.1).
  const std::int64_t modified = std::min(file.modified, std::int64_t{date} * kDateSeconds);
  if (status != 304) out.field("Last-Modified", view(date_text(modified))).field("Accept-Ranges", "bytes");
  if (!choice.coding.empty() && (status == 200 || status == 206)) out.field("Content-Encoding", choice.coding);
  put_validators(out, file, *choice.plain);
  out.put("\r\n").put(note);
  head.length = static_cast<std::uint16_t>(out.length());
  head.body = file.body.data() + range.first;
  const bool body = request.method == Method::get && (status == 200 || status == 206);
  return {.length = out.length() + (body ? range.length : 0), .rendered = false, .handle = next_head_++};
}

}  // namespace gl::http
