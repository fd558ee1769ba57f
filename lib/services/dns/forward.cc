#include "lib/services/dns/forward.h"

#include <algorithm>
#include <cstring>
#include <functional>

#include "lib/backend/client_subnet.h"
#include "lib/backend/flow_ends.h"
#include "lib/backend/reply.h"
#include "lib/dns/tcp_framing.h"

namespace gl::services {
namespace {

using backend::ClientQuery;
using backend::QueryResult;
using dns::Rcode;

// Extended errors, RFC 8914 section 4.
constexpr std::uint16_t kNoInfo = 0xffff;
constexpr std::uint16_t kProhibited = 18;
constexpr std::uint16_t kNotAuthoritative = 20;

enum class Border : std::uint8_t { pass, too_short, response };
Border check_border(Bytes request, backend::ForwardCounters& counters) noexcept {
  if (request.size() < dns::kHeaderSize) return counters.ignored_short.add(), Border::too_short;
  if ((request[2] & 0x80) != 0) return counters.ignored_response.add(), Border::response;
  return Border::pass;
}

Rcode parse_rest(Bytes request, bool stream, ClientQuery& query) noexcept {
  const Rcode rcode = backend::parse_client_rest(request, query.question.end != 0, query);
  // Over UDP that option is passed over, RFC 7828 3.2.1.
  return rcode == Rcode::noerror && stream && query.keepalive_malformed ? Rcode::formerr : rcode;
}

bool passes(const ClientQuery& query, const backend::ForwardSettings& settings) noexcept {
  switch (query.kind) {
    case ClientQuery::Kind::query:
      return true;
    case ClientQuery::Kind::transfer:
      return settings.pass_transfers;
    case ClientQuery::Kind::notify:
      return settings.pass_notifies;
    case ClientQuery::Kind::update:
      return settings.pass_updates;
  }
  return false;
}

// One request on its way to an answer.
class Request {
 public:
  Request(backend::Forwarder& forwarder, DnsAdmission* admission, ClientQuery& query, bool stream, MutableBytes out,
          const RequestContext& context) noexcept
      : forwarder_(forwarder),
        admission_(admission),
        settings_(forwarder.settings()),
        counters_(forwarder.counters()),
        stream_(stream),
        out_(out),
        context_(context),
        query_(query) {}

  [[nodiscard]] Answer answer(Bytes request, std::optional<DnsForwardService::Route> route) noexcept {
    const Rcode rcode = parse_rest(request, stream_, query_);
    if (admission_ != nullptr) {
      read_cookie();
      if (const std::optional<Answer> refused = stream_ ? std::nullopt : admit(rcode)) return *refused;
    }
    if (cookie_.standing == dns::CookieStanding::malformed) return error(Rcode::formerr, kNoInfo);
    if (rcode != Rcode::noerror) return error(rcode, kNoInfo);
    if (!passes(query_, settings_)) return error(Rcode::refused, kProhibited);
    if (query_.kind == ClientQuery::Kind::transfer && !stream_) return transfer_by_datagram();
    if (!route) return error(Rcode::refused, kNotAuthoritative);
    if (!stream_ && settings_.udp_truncate_all && query_.kind == ClientQuery::Kind::query) return come_over_tcp();
    const QueryResult asked = forwarder_.ask(query_, route->pool, stream_, context_);
    switch (asked.kind) {
      case QueryResult::Kind::answered:
        return pass_on(asked);
      case QueryResult::Kind::failed:
        count_asked();
        return given(backend::render_error(query_, settings_, Rcode::servfail, asked.info, stream_, message()));
      case QueryResult::Kind::unrepeatable:
        return {Answer::Kind::unrepeatable};
      case QueryResult::Kind::over_tcp:
        return come_over_tcp();
      case QueryResult::Kind::pending:
        break;
    }
    return {.kind = Answer::Kind::pending, .ticket = asked.ticket};
  }

 private:
  [[nodiscard]] MutableBytes message() const noexcept { return stream_ ? out_.subspan(dns::kPrefixSize) : out_; }

  [[nodiscard]] Bytes client() const noexcept { return backend::client_address(context_.flow); }

  // The client's cookie, and the one that goes back: with --udp=tc only where no datagram gets longer by it.
  void read_cookie() noexcept {
    cookie_ = admission_->check(query_.has_cookie, query_.cookie, client());
    if (!stream_ && settings_.udp_truncate_all && query_.cookie.size() < dns::kCookieSize) return;
    const auto transport = stream_ ? DnsAdmission::Transport::stream : DnsAdmission::Transport::datagram;
    query_.answer_cookie = admission_->answer_cookie(cookie_, query_.cookie, client(), transport, cookie_room_);
  }

  // What is said to a datagram before anybody is asked; nothing: it may have its answer, which counts when it is there.
  // An error, NOTIFY or UPDATE has a short answer, which no cookie is required for, and for which nobody comes over
  // TCP.
  [[nodiscard]] std::optional<Answer> admit(Rcode rcode) noexcept {
    const DnsAdmission::Verdict verdict = admission_->admit_uncharged(cookie_.standing, client());
    if (verdict == DnsAdmission::Verdict::drop) return Answer{Answer::Kind::silent};
    if (verdict == DnsAdmission::Verdict::answer || rcode != Rcode::noerror || query_.non_idempotent()) {
      return std::nullopt;
    }
    if (verdict == DnsAdmission::Verdict::truncate) {
      return written(backend::render_truncated(query_, settings_, out_));
    }
    return given(backend::render_error(query_, settings_, Rcode::badcookie, kNoInfo, false, out_));
  }

  // An answer counts against the client's limit.
  [[nodiscard]] Answer given(std::size_t length) noexcept {
    if (admission_ != nullptr && !stream_) admission_->charge(cookie_.standing, client());
    return written(length);
  }

  // Into its frame, where it is not in one.
  [[nodiscard]] Answer written(std::size_t length) const noexcept {
    if (length == 0) return {stream_ ? Answer::Kind::malformed : Answer::Kind::silent};
    if (!stream_) return {Answer::Kind::answered, length};
    store_be(out_.data(), static_cast<std::uint16_t>(length));
    return {Answer::Kind::answered, dns::kPrefixSize + length};
  }

  [[nodiscard]] Answer pass_on(const QueryResult& asked) noexcept {
    count_asked();
    if (!context_.continuation) counters_.answered.add();
    const backend::Rendering how{asked.age_s, stream_, backend::adds_subnet(query_, settings_, context_.flow)};
    const bool framed = asked.reply.framed && stream_;
    const backend::Rendered rendered =
        backend::render_reply(asked.reply, query_, settings_, how, framed ? out_ : message());
    if (rendered.truncated && !stream_) counters_.truncated.add();
    if (framed && rendered.length != 0) return {Answer::Kind::answered, rendered.length};
    return given(rendered.length);
  }

  // RFC 5936 4.2: AXFR has no meaning over UDP. RFC 1995 section 2: IXFR may be told to come over TCP.
  [[nodiscard]] Answer transfer_by_datagram() noexcept {
    if (query_.question.type == dns::rr::axfr) return error(Rcode::formerr, kNoInfo);
    return come_over_tcp();
  }
  [[nodiscard]] Answer come_over_tcp() noexcept {
    counters_.truncated.add();
    return given(backend::render_truncated(query_, settings_, out_));
  }

  // Follows from the query and the settings alone: it is the same whenever it is given again.
  [[nodiscard]] Answer error(Rcode rcode, std::uint16_t info) noexcept {
    count_cookie();
    if (context_.continuation) {
      counters_.continued.add();
    } else if (rcode == Rcode::formerr) {
      counters_.formerr.add();
    } else if (rcode == Rcode::notimp) {
      counters_.notimp.add();
    } else if (rcode == Rcode::badvers) {
      counters_.badvers.add();
    } else {
      counters_.refused.add();
    }
    return given(backend::render_error(query_, settings_, rcode, info, stream_, message()));
  }

  // When its end is known: not each time that it is resumed, nor when the rest of an answer is given.
  void count_asked() noexcept {
    count_cookie();
    if (!context_.continuation) (stream_ ? counters_.asked_tcp : counters_.asked_udp).add();
  }

  void count_cookie() noexcept {
    if (admission_ != nullptr && !context_.continuation) admission_->count(cookie_.standing);
  }

  backend::Forwarder& forwarder_;
  DnsAdmission* const admission_;
  const backend::ForwardSettings& settings_;
  backend::ForwardCounters& counters_;
  const bool stream_;
  const MutableBytes out_;
  const RequestContext& context_;
  ClientQuery& query_;
  dns::CheckedCookie cookie_;
  DnsAdmission::CookieRoom cookie_room_;
};

}  // namespace

DnsForwardService::DnsForwardService(backend::Forwarder& forwarder, DnsAdmission* admission)
    : DnsService(forwarder.settings().max_udp, true), forwarder_(forwarder), admission_(admission) {
  const std::vector<backend::PoolSettings>& pools = forwarder.settings().pools;
  for (unsigned pool = 0; pool < pools.size(); ++pool) {
    dns::Name suffix;
    if (suffix.parse(pools[pool].suffix)) routes_.push_back({pool, suffix.labels});
  }
  std::ranges::stable_sort(routes_, std::greater(), &Route::labels);
}

std::optional<DnsForwardService::Route> DnsForwardService::route(const dns::Name& name) const noexcept {
  for (const Route& route : routes_) {
    if (route.labels == 0) return route;
    if (route.labels > name.labels) continue;
    const Bytes suffix = name.suffix(route.labels);
    const std::vector<std::uint8_t>& own = forwarder_.settings().pools[route.pool].suffix;
    if (own.size() == suffix.size() && std::memcmp(own.data(), suffix.data(), own.size()) == 0) return route;
  }
  return std::nullopt;
}

Answer DnsForwardService::answer(const Routed& routed, MutableBytes out, const RequestContext& context) noexcept {
  const Answer answer =
      Request(forwarder_, admission_, routed.query, routed.stream, out, context).answer(routed.request, routed.route);
  if (tap_ != nullptr && !context.continuation) [[unlikely]]
    tell(routed, out, context, answer);
  return answer;
}

// A query is told when it comes first, its answer when it is there. A datagram is named by its ID.
void DnsForwardService::tell(const Routed& routed, Bytes out, const RequestContext& context,
                             const Answer& answer) noexcept {
  const auto transport = routed.stream ? dns::TapTransport::tcp : dns::TapTransport::udp;
  const std::uint32_t position = routed.stream ? context.position : load_be<std::uint16_t>(routed.request.data());
  tap_->client_query(transport, context.flow, position, routed.request);
  if (answer.kind == Answer::Kind::pending) return;
  const bool answered = answer.kind == Answer::Kind::answered;
  tap_->client_response(transport, context.flow, position, answered ? out.first(answer.length) : Bytes{},
                        routed.stream);
}

DnsForwardService::Routed DnsForwardService::route(Bytes request, bool stream, ClientQuery& query) const noexcept {
  std::optional<Route> route;
  if (backend::parse_client_question(request, query)) {
    route = this->route(query.question.name);
  } else {
    query.question.end = 0;
  }
  return {request, query, route, stream};
}

Answer DnsForwardService::answer(Bytes request, MutableBytes out, const RequestContext& context) noexcept {
  if (out.size() < dns::kPrefixSize) return {Answer::Kind::malformed};
  switch (check_border(request, forwarder_.counters())) {
    case Border::too_short:
      return {Answer::Kind::malformed};
    case Border::response:
      return {Answer::Kind::silent};
    case Border::pass:
      break;
  }
  ClientQuery query;
  return answer(route(request, true, query), out, context);
}

Answer DnsForwardService::answer_datagram(Bytes request, MutableBytes out, const RequestContext& context) noexcept {
  if (check_border(request, forwarder_.counters()) != Border::pass) return {Answer::Kind::silent};
  ClientQuery query;
  return answer(route(request, false, query), out, context);
}

void DnsForwardService::prepare(Bytes request, const RequestContext& context) noexcept {
  if (request.size() < dns::kHeaderSize || (request[2] & 0x80) != 0) return;
  ClientQuery query;
  prepare(route(request, true, query), context);
}

// Only plain questions: what is asked once is asked in its turn, and a transfer is too long to lie in wait.
void DnsForwardService::prepare(const Routed& routed, const RequestContext& context) noexcept {
  ClientQuery& query = routed.query;
  if (!routed.route || parse_rest(routed.request, true, query) != Rcode::noerror) return;
  if (query.kind == ClientQuery::Kind::query) forwarder_.prepare(query, routed.route->pool, context);
}

}  // namespace gl::services
