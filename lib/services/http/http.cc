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
constexpr std::uint32_t kDraining = 4;  // a state that nobody was in before

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
    {503, "503 Service Unavailable"},
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
void begin_head(Writer& head, std::uint16_t status, const DateText& date, bool http10, bool close) noexcept {
  head.put("HTTP/1.1 ").put(text_of(status)).put("\r\n").field("Date", view(date));
  if (close) {
    head.field("Connection", "close");
  } else if (http10) {
    head.field("Connection", "keep-alive");
  }
}

// What tells of a file, in answers with and without it.
void put_validators(Writer& head, const File& file, bool varies) noexcept {
  head.field("ETag", file.etag);
  if (varies) head.field("Vary", "Accept-Encoding");
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
  const Answer answer = service_.answer(parsed, site_of(parsed.request.host), buffer, context);
  if (service_.log_ != nullptr && answer.kind == Answer::Kind::answered && !context.continuation) {
    service_.log(request, context);
  }
  return answer;
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

bool HttpPort::still_has(const Answer& answer) const noexcept {
  return service_.file_of(answer.identity >> 8) != nullptr;
}

std::size_t HttpPort::read(const Answer& answer, std::uint64_t offset, MutableBytes out) noexcept {
  if ((answer.handle & HttpService::LongAnswer::kMark) != 0) return service_.read_long(answer, offset, out);
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

HttpService::HttpService(const std::atomic<const files::PublishedFiles*>& published, const Shared& shared,
                         std::uint32_t linger_seconds)
    : published_(published),
      shared_(shared),
      linger_(linger_seconds),
      date_text_(date_text(0)),
      heads_(std::make_unique<std::array<Head, kHeads>>()) {}

HttpPort& HttpService::add_port(std::vector<Site> sites) {
  ports_.push_back(std::make_unique<HttpPort>(*this, std::move(sites)));
  return *ports_.back();
}

void HttpService::begin_burst(std::uint64_t) noexcept {
  const files::PublishedFiles* const published = published_.load(std::memory_order_acquire);
  if (published != files_) found_file_ = nullptr;
  files_ = published;
  now_ = shared_.unix_time.load(std::memory_order_relaxed);
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

void HttpService::log(Bytes request, const RequestContext& context) noexcept {
  if (!log_->note(request, context.flow, context.position, now_, last_status_, last_body_)) unlogged_.add();
}

void HttpService::count(std::uint16_t status) noexcept {
  last_status_ = status;
  last_body_ = 0;
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
  if (!site->health.empty() && choice.path == site->health) {
    if (!shared_.draining.load(std::memory_order_relaxed)) return constant(200);
    choice.version = kDraining;
    return constant(503);
  }
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
  if (into < linger_ || into > kDateSeconds - kClockSkew || choice.version == kDraining) return false;
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
  Answer answer = choice.status == kFound ? answer_file(request, choice, date, context.any_length, buffer)
                                          : answer_status(request, choice, date, close, buffer);
  answer.kind = Answer::Kind::answered;
  answer.close_after = answer.close_after || close;
  answer.identity = choice.version << 8 | (date & kDateMask);
  return answer;
}

// An answer that says no more than its status.
Answer HttpService::answer_status(const Request& request, const Choice& choice, std::uint32_t date, bool close,
                                  MutableBytes buffer) noexcept {
  const std::uint16_t status = choice.status;
  count(status);
  Writer out(chars(buffer));
  begin_head(out, status, date_of(date), request.http10, close);
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
  last_body_ = request.method == Method::head ? 0 : text.size() + 1;
  return {.length = out.length()};
}

Answer HttpService::answer_file(const Request& request, const Choice& choice, std::uint32_t date, bool any_length,
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
  FileHead says{.date = date, .http10 = request.http10, .close = request.close, .file = &file};
  says.varies = choice.plain->has_coded();
  says.coding = choice.coding;
  if (condition == Condition::not_modified) {
    says.status = 304;
    range = {};
  } else if (range.kind != ByteRange::Kind::all) {
    says.status = range.kind == ByteRange::Kind::part ? 206 : 416;
  } else if (size > kMaxBody && request.method == Method::get && !any_length) {
    says.status = 501;
    too_large_.add();
  }
  count(says.status);
  if (range.kind != ByteRange::Kind::part) range = {ByteRange::Kind::all, 0, size};
  // A part may be shorter than what was asked for: Content-Range says what it is (RFC 9110 section 15.3.7).
  if (says.status == 206 && !any_length) range.length = std::min<std::uint64_t>(range.length, kMaxBody);
  says.first = range.first;
  says.length = range.length;
  const bool body = request.method == Method::get && (says.status == 200 || says.status == 206);
  last_body_ = body ? range.length : 0;
  if (body && range.length > kMaxBody) return answer_long(says, choice);

  Head& head = (*heads_)[next_head_ % kHeads];
  head.length = static_cast<std::uint16_t>(write_file_head(says, head.text));
  head.body = file.body.data() + range.first;
  return {.length = head.length + (body ? range.length : 0), .rendered = false, .handle = next_head_++};
}

// It ends the connection.
Answer HttpService::answer_long(FileHead says, const Choice& choice) noexcept {
  long_answers_.add();
  says.close = true;
  std::array<char, kMaxHead> room;
  LongAnswer is{.first = says.first};
  is.head = static_cast<std::uint16_t>(write_file_head(says, room));
  is.part = says.status == 206;
  is.http10 = says.http10;
  for (std::size_t i = 0; i < files::kCodings; ++i) {
    if (!choice.coding.empty() && files::kCodingNames[i].token == choice.coding)
      is.coding = static_cast<std::uint8_t>(i + 1);
  }
  return {.length = is.head + says.length, .close_after = true, .rendered = false, .handle = is.encode()};
}

std::size_t HttpService::write_file_head(const FileHead& says, std::span<char> room) const noexcept {
  const File& file = *says.file;
  const std::uint64_t size = file.body.size();
  Writer out(room);
  begin_head(out, says.status, date_of(says.date), says.http10, says.close);
  std::string_view note;
  if (says.status == 416 || says.status == 501) {
    note = says.status == 416 ? "416 Range Not Satisfiable\n" : "501 Not Implemented: ask for ranges of this file\n";
    out.field("Content-Type", "text/plain").field("Content-Length", note.size());
  } else if (says.status != 304) {
    out.field("Content-Type", file.type).field("Content-Length", says.length);
  }
  if (says.status == 206) {
    out.put("Content-Range: bytes ")
        .put(says.first)
        .put("-")
        .put(says.first + says.length - 1)
        .put("/")
        .put(size)
        .put("\r\n");
  } else if (says.status == 416) {
    out.put("Content-Range: bytes */").put(size).put("\r\n");
  }
  // Never later than the date of the answer (RFC 9110 section 8.8.2.1).
  const std::int64_t modified = std::min(file.modified, std::int64_t{says.date} * kDateSeconds);
  if (says.status != 304) out.field("Last-Modified", view(date_text(modified))).field("Accept-Ranges", "bytes");
  if (!says.coding.empty() && (says.status == 200 || says.status == 206)) out.field("Content-Encoding", says.coding);
  put_validators(out, file, says.varies);
  out.put("\r\n").put(note);
  return out.length();
}

// ---- Long answers

std::uint64_t HttpService::LongAnswer::encode() const noexcept {
  return kMark | first << 16 | std::uint64_t{head} << 4 | std::uint64_t{coding} << 2 | (part ? 2u : 0u) |
         (http10 ? 1u : 0u);
}

HttpService::LongAnswer HttpService::LongAnswer::decode(std::uint64_t handle) noexcept {
  LongAnswer is;
  is.first = (handle & ~kMark) >> 16;
  is.head = static_cast<std::uint16_t>(handle >> 4 & 0xfff);
  is.coding = static_cast<std::uint8_t>(handle >> 2 & 3);
  is.part = (handle & 2) != 0;
  is.http10 = (handle & 1) != 0;
  return is;
}

// Null where the file has changed too long ago.
const File* HttpService::file_of(std::uint32_t version) const noexcept {
  if (files_ == nullptr) return nullptr;
  if (found_file_ != nullptr && found_version_ == version) return found_file_;
  const File* file = files_->current->find_version(version);
  for (const FileSet* const set : files_->kept) {
    if (file != nullptr || set == nullptr) break;
    file = set->find_version(version);
  }
  found_version_ = version;
  return found_file_ = file;
}

std::size_t HttpService::read_long(const Answer& answer, std::uint64_t offset, MutableBytes out) const noexcept {
  const File* const file = file_of(answer.identity >> 8);
  if (file == nullptr || offset >= answer.length) return 0;
  const LongAnswer is = LongAnswer::decode(answer.handle);
  const std::size_t length = std::min<std::uint64_t>(out.size(), answer.length - offset);
  std::size_t written = 0;
  if (offset < is.head) {
    FileHead says{.status = static_cast<std::uint16_t>(is.part ? 206 : 200), .http10 = is.http10, .close = true};
    says.date = date_ - ((date_ - answer.identity) & kDateMask);
    says.file = file;
    says.varies = is.coding != 0 || file->has_coded();
    if (is.coding != 0) says.coding = files::kCodingNames[is.coding - 1u].token;
    says.first = is.first;
    says.length = answer.length - is.head;
    std::array<char, kMaxHead> head;
    if (write_file_head(says, head) != is.head) return 0;
    written = std::min<std::size_t>(length, is.head - offset);
    std::memcpy(out.data(), head.data() + offset, written);
  }
  if (written < length) {
    std::memcpy(out.data() + written, file->body.data() + is.first + (offset + written - is.head), length - written);
  }
  return length;
}

}  // namespace gl::http
