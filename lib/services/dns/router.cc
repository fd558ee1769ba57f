#include "lib/services/dns/router.h"

#include <algorithm>

#include "lib/dns/tcp_framing.h"

namespace gl::services {

void DnsRouter::begin_burst(std::uint64_t now_ms) noexcept {
  zones_.begin_burst(now_ms);
  forward_.begin_burst(now_ms);
}

Framed DnsRouter::next_request(Bytes stream, bool prefix_consumed) const noexcept {
  return dns::next_message(stream, prefix_consumed);
}

// Whose name it is, by the longest suffix; nothing: nobody's.
std::optional<DnsRouter::Side> DnsRouter::side_of(const dns::Name& name) const noexcept {
  const std::optional<unsigned> zone = zones_.zone_labels(name);
  const auto route = forward_.route(name);
  if (!route) return zone ? std::optional(Side::zones) : std::nullopt;
  return zone && *zone >= route->labels ? Side::zones : Side::forward;
}

Service& DnsRouter::for_request(Bytes request) noexcept {
  dns::Question question;
  const bool names_one = request.size() >= dns::kHeaderSize && (request[2] & 0x80) == 0 &&
                         load_be<std::uint16_t>(request.data() + 4) == 1 && dns::parse_question(request, question);
  if (!names_one || question.rr_class == dns::rr_class::ch) return zones_;
  std::optional<Side> side;
  // RFC 4035 3.1.4.1: the DS of a zone's apex is with the parent.
  if (question.type == dns::rr::ds && question.name.labels > 0) {
    dns::Name parent;
    if (parent.parse(question.name.suffix(question.name.labels - 1U))) side = side_of(parent);
  }
  if (!side) side = side_of(question.name);
  if (side == Side::forward) return forward_;
  return zones_;
}

Reply DnsRouter::answer_stream(Bytes request, MutableBytes out, const RequestContext& context) noexcept {
  // Only zones name identities: this answer was begun from one, whoever the name belongs to now.
  if (context.continuation && context.identity != 0) return zones_.answer_stream(request, out, context);
  return for_request(request).answer_stream(request, out, context);
}

Reply DnsRouter::answer_datagram(Bytes request, MutableBytes out, const RequestContext& context) noexcept {
  return for_request(request).answer_datagram(request, out, context);
}

void DnsRouter::prepare(Bytes request, const RequestContext& context) noexcept {
  for_request(request).prepare(request, context);
}

std::size_t DnsRouter::largest_stream_reply() const noexcept {
  return std::max(zones_.largest_stream_reply(), forward_.largest_stream_reply());
}

}  // namespace gl::services
