#include "lib/services/dns/router.h"

#include <algorithm>

#include "lib/dns/tcp_framing.h"

namespace gl::services {

void DnsRouter::begin_burst(std::uint64_t now_ms) noexcept {
  zones_.begin_burst(now_ms);
  forward_.begin_burst(now_ms);
}

// Whose name it is, by the longest suffix; nothing: nobody's.
std::optional<DnsRouter::Side> DnsRouter::side_of(const dns::Name& name, const Route& route) const noexcept {
  const std::optional<unsigned> zone = zones_.zone_labels(name);
  if (!route) return zone ? std::optional(Side::zones) : std::nullopt;
  return zone && *zone >= route->labels ? Side::zones : Side::forward;
}

// True: it is forwarded, and `routed` says where to.
bool DnsRouter::is_forwarded(DnsForwardService::Routed& routed) const noexcept {
  const Bytes request = routed.request;
  if (request.size() < dns::kHeaderSize || (request[2] & 0x80) != 0) return false;
  const dns::Question& question = routed.query.question;
  if (!backend::parse_client_question(request, routed.query) || question.rr_class == dns::rr_class::ch) return false;
  routed.route = forward_.route(question.name);
  std::optional<Side> side;
  // RFC 4035 3.1.4.1: the DS of a zone's apex is with the parent.
  if (question.type == dns::rr::ds && question.name.labels > 0) {
    dns::Name parent;
    if (parent.parse(question.name.suffix(question.name.labels - 1U))) side = side_of(parent, forward_.route(parent));
  }
  if (!side) side = side_of(question.name, routed.route);
  return side == Side::forward;
}

Answer DnsRouter::answer(Bytes request, MutableBytes out, const RequestContext& context) noexcept {
  if (zones_.is_notify(request, context)) return zones_.answer(request, out, context);
  // Only zones name identities: this answer was begun from one, whoever the name belongs to now.
  if (context.continuation && context.identity != 0) return zones_.answer(request, out, context);
  backend::ClientQuery query;
  DnsForwardService::Routed routed{request, query, {}, true};
  if (is_forwarded(routed)) return forward_.answer(routed, out, context);
  return zones_.answer(request, out, context);
}

Answer DnsRouter::answer_datagram(Bytes request, MutableBytes out, const RequestContext& context) noexcept {
  backend::ClientQuery query;
  DnsForwardService::Routed routed{request, query, {}, false};
  if (is_forwarded(routed)) return forward_.answer(routed, out, context);
  return zones_.answer_datagram(request, out, context);
}

void DnsRouter::prepare(Bytes request, const RequestContext& context) noexcept {
  if (zones_.is_notify(request, context)) return;
  backend::ClientQuery query;
  DnsForwardService::Routed routed{request, query, {}, true};
  if (is_forwarded(routed)) forward_.prepare(routed, context);
}

std::size_t DnsRouter::largest_answer() const noexcept {
  return std::max(zones_.largest_answer(), forward_.largest_answer());
}

}  // namespace gl::services
