#include "lib/services/http/http.h"

#include <algorithm>
#include <cstring>

#include "lib/base/text.h"
#include "lib/services/http/answer_text.h"
#include "lib/services/http/negotiate.h"

namespace gl::http {
namespace {

using files::FileSet;

constexpr std::int64_t kClockSkew = 30;  // between the nodes behind one address

// Versions of what no file says. Those of files begin at 16.
constexpr std::uint32_t kConstant = 1;
constexpr std::uint32_t kNothingThere = 2;
constexpr std::uint32_t kSlashMissing = 3;
constexpr std::uint32_t kDraining = 4;  // a state that nobody was in before
constexpr std::uint32_t kBehind = 5;    // what the gateway says

}  // namespace

// ---- One port

Framed HttpPort::next_request(Bytes stream, bool) const noexcept {
  const Parsed parsed = parse_request(stream);
  if (parsed.kind == Parsed::Kind::incomplete) return {};
  return {Framed::Kind::complete, stream.first(parsed.length), parsed.length};
}

Answer HttpPort::answer(Bytes request, MutableBytes buffer, const RequestContext& context) noexcept {
  const Parsed parsed = parse_request(request);
  const Answer answer = service_.answer(request, parsed, site_of(parsed.request.host), buffer, context);
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
  if ((answer.handle & HttpService::kGatewayMark) != 0) {
    return service_.gateway_->read(answer.handle & ~HttpService::kGatewayMark, offset, out);
  }
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

bool HttpPort::has_waiting(Bytes flow) const noexcept {
  return service_.gateway_ != nullptr && service_.gateway_->has_waiting(flow);
}

void HttpPort::prepare(Bytes request, const RequestContext& context) noexcept {
  const Parsed parsed = parse_request(request);
  const Site* const site = site_of(parsed.request.host);
  if (site == nullptr || !site->origin) return;
  std::array<char, kMaxTarget> room;
  const FileSet* const current = service_.files_ == nullptr ? nullptr : service_.files_->current;
  if (service_.choose(current, site, parsed, room).status != HttpService::kForwarded) return;
  (void)service_.gateway_->ask(request, *site->origin, context, false);
}

std::size_t HttpPort::largest_answer() const noexcept {
  if (takes_time_) return kMaxRenderedAnswer;
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
      started_(shared.unix_time.load(std::memory_order_relaxed)),
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
#define X(name, help) reader.read(#name, name##_.value(), help);
  GL_HTTP_COUNTERS(X)
#undef X
  if (gateway_ != nullptr) gateway_->read_counters(reader);
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
  const bool found = place != nullptr && place->file != nullptr;
  if (!found && site->origin) return choice.version = kBehind, constant(kForwarded);
  if (place != nullptr && place->lacks_slash) return choice.version = kSlashMissing, constant(301);
  if (!found) return choice.version = kNothingThere, constant(404);
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
  if (choice.version == kConstant) return true;
  // Who ran before may have had other files.
  if (files_ == nullptr || now_ - started_ < linger_) return false;
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

Answer HttpService::answer(Bytes bytes, const Parsed& parsed, const Site* site, MutableBytes buffer,
                           const RequestContext& context) noexcept {
  // What was begun there goes on there, whatever files there are now.
  if (context.continuation && site != nullptr && site->origin) {
    const Gateway::Result begun = gateway_->ask(bytes, *site->origin, context, true);
    if (begun.kind == Gateway::Result::Kind::answered) return relay(begun.reply, parsed.request, context);
  }
  std::array<char, kMaxTarget> room;
  const FileSet* const current = files_ == nullptr ? nullptr : files_->current;
  Choice choice = choose(current, site, parsed, room);
  if (choice.status == kForwarded && !context.continuation)
    return forward(bytes, parsed.request, *site->origin, context);
  requests_.add();
  std::uint32_t date = date_;
  if (context.continuation) {
    if (!find_begun(choice, date, site, parsed, context, room) || choice.status == kForwarded) {
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

// Not a continuation: the gateway has an answer, or will have one.
Answer HttpService::forward(Bytes bytes, const Request& request, unsigned origin,
                            const RequestContext& context) noexcept {
  const Gateway::Result result = gateway_->ask(bytes, origin, context, true);
  if (result.kind == Gateway::Result::Kind::answered) return relay(result.reply, request, context);
  return {.kind = Answer::Kind::pending, .ticket = result.ticket};
}

Answer HttpService::relay(const Gateway::Reply& reply, const Request& request, const RequestContext& context) noexcept {
  requests_.add();
  forwarded_.add();
  if (context.continuation) {
    continued_.add();
  } else {
    count(reply.status);
  }
  last_body_ = reply.body;
  return {.kind = Answer::Kind::answered,
          .length = reply.length,
          .close_after = request.close,
          .identity = kBehind << 8,
          .rendered = false,
          .handle = reply.at | kGatewayMark};
}

}  // namespace gl::http
