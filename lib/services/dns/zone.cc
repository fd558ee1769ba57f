#include "lib/services/dns/zone.h"

#include <algorithm>
#include <cstring>

#include "lib/backend/flow_ends.h"
#include "lib/dns/tcp_framing.h"
#include "lib/services/dns/answer.h"
#include "lib/services/dns/chaos.h"
#include "lib/services/dns/query.h"
#include "lib/services/dns/response.h"

namespace gl::services {

using dns::Rcode;

// The identity of what no zone file can change: FORMERR, CHAOS and the like. Generations begin there.
constexpr std::uint32_t kConstant = 1;

struct DnsTally {
  enum class Kind : std::uint8_t { answered, ignored_short, ignored_response, limited } kind = Kind::answered;
  dns::CookieStanding cookie = dns::CookieStanding::absent;
  Rcode rcode = Rcode::noerror;
  bool truncated = false;
  bool referral = false;
  bool chain_cut = false;  // a chain of aliases did not fit, so its end is not known
  std::uint32_t since = kConstant;
};

namespace {

// The sections of a well-formed query of class CHAOS.
ResponseHead answer_chaos(const DnsQuery& query, const DnsSettings& settings, zone::Composer& composer) noexcept {
  const std::string_view text = chaos_text(query.question, {settings.version, settings.server_id});
  if (text.empty()) return {Rcode::refused};
  std::uint8_t* const record = composer.reserve_answer(chaos_record_size(text));
  if (record == nullptr) return {Rcode::noerror, false, true};
  write_chaos_record(record, text);
  return {};
}

// The sections of a well-formed query about the zones. `head.truncated` where they do not fit. Inline: a call would
// pass what it is told, and what it says, through memory.
[[gnu::always_inline]] inline ResponseHead answer_zones(const DnsQuery& query, const zone::ZoneSnapshot* snapshot,
                                                        bool minimal_any, zone::Composer& composer,
                                                        DnsTally& tally) noexcept {
  if (snapshot == nullptr || is_meta_type(query.question.type)) return {Rcode::refused};
  zone::HashedName name;
  name.name.assign(query.question.name);
  name.rehash();
  const AnswerOptions options{query.question.type, query.edns.dnssec_ok, minimal_any};
  const Outcome outcome = ZoneAnswer(*snapshot, options, composer).run(name);
  tally.referral = outcome.referral && outcome.whole;
  tally.since = outcome.since;
  tally.chain_cut = outcome.chain && !outcome.whole;
  const bool authoritative = outcome.authoritative && query.question.rr_class != dns::rr_class::any;
  return {outcome.rcode, authoritative, !outcome.whole};
}

// What our OPT holds besides a cookie, in `room` bytes; its size. With --udp=tc no datagram is to be longer than the
// one it answers: nothing. A long identifier beside a long question in 512 bytes goes first.
std::size_t settle_options(const DnsQuery& query, const DnsSettings& settings, bool datagram, std::size_t room,
                           dns::OptOptions& options) noexcept {
  if (query.edns.nsid && !(datagram && settings.udp_truncate_all)) options.nsid = settings.nsid;
  // Over UDP that option is passed over, RFC 7828 3.2.1.
  if (query.edns.keepalive && !datagram) options.keepalive = settings.tcp_keepalive;
  if (dns::opt_size(options) > room) options.nsid = {};
  if (dns::opt_size(options) > room) options = {};
  return dns::opt_size(options);
}

}  // namespace

DnsZoneService::DnsZoneService(const DnsSettings& settings, const std::atomic<const zone::PublishedZones*>& published,
                               const dns::CookiePublication* cookies)
    : DnsService(settings.max_udp, false),
      settings_(settings),
      published_(published),
      keeper_(settings.notify == nullptr ? nullptr : std::make_unique<NotifyKeeper>(*settings.notify)),
      admission_(std::make_unique<DnsAdmission>(settings.admission, cookies)),
      guarded_(admission_->is_guarded()),
      scratch_(std::make_unique_for_overwrite<std::uint8_t[]>(dns::kMaxMessage)) {
  settings_.nsid.resize(std::min<std::size_t>(settings_.nsid.size(), 255));
}

void DnsZoneService::begin_burst(std::uint64_t now_ms) noexcept {
  zones_ = published_.load(std::memory_order_acquire);
  now_ms_ = now_ms;
  admission_->begin_burst(now_ms);
}

// How long the answer may be: over UDP what the client takes and we send, RFC 6891 6.2.3.
template <DnsZoneService::Transport transport>
std::size_t DnsZoneService::limit_for(const DnsQuery& query, std::size_t room) const noexcept {
  const std::size_t limit = std::min(room, dns::kMaxMessage);
  if constexpr (transport == Transport::stream) return limit;
  const std::size_t client = std::max<std::size_t>(query.edns.payload, dns::kMinUdpPayload);
  return std::min({limit, client, std::max<std::size_t>(settings_.max_udp, dns::kMinUdpPayload)});
}

// Where a chain of aliases does not fit a datagram, its rcode is that of its end all the same (RFC 6604 section 3).
Rcode DnsZoneService::rcode_of_whole(const DnsQuery& query, const zone::ZoneSnapshot* snapshot, const ResponseHead& cut,
                                     const zone::Composer& composer) const noexcept {
  const std::size_t begin = body_offset(query);
  std::memcpy(scratch_.get(), composer.message(), begin);
  zone::Composer whole(scratch_.get(), begin, dns::kMaxMessage);
  DnsTally end;
  const ResponseHead head = answer_zones(query, snapshot, settings_.udp_minimal_any, whole, end);
  return head.truncated ? cut.rcode : head.rcode;
}

// Of a query that has a COOKIE option: what its answer has as such. With --udp=tc a client's cookie alone, which a
// whole one is longer than, is answered over TCP.
Bytes DnsZoneService::read_cookie(const DnsQuery& query, Bytes client, Transport transport,
                                  DnsAdmission::CookieRoom& room, DnsTally& tally) const noexcept {
  const dns::CheckedCookie checked = admission_->check(true, query.edns.cookie, client);
  tally.cookie = checked.standing;
  const bool must_not_grow = transport == Transport::datagram && settings_.udp_truncate_all;
  if (must_not_grow && query.edns.cookie.size() < dns::kCookieSize) return {};
  return admission_->answer_cookie(checked, query.edns.cookie, client, transport, room);
}

// Whether there is an answer, and in `head` what it has become: FORMERR for a cookie that is none, TC or BADCOOKIE over
// UDP. What is to be refused anyway stays as it is.
bool DnsZoneService::admit(Bytes client, Transport transport, DnsTally& tally, ResponseHead& head) const noexcept {
  if (tally.cookie == dns::CookieStanding::malformed) head.rcode = Rcode::formerr;
  if (transport == Transport::stream) return true;
  const DnsAdmission::Verdict verdict = admission_->admit(tally.cookie, client);
  if (verdict == DnsAdmission::Verdict::drop) return tally.kind = DnsTally::Kind::limited, false;
  if (head.rcode != Rcode::noerror) return true;
  head.truncated = verdict == DnsAdmission::Verdict::truncate;
  if (verdict == DnsAdmission::Verdict::bad_cookie) head.rcode = Rcode::badcookie;
  return true;
}

// The records of a well-formed query's answer.
template <DnsZoneService::Transport transport>
ResponseHead DnsZoneService::answer_query(const DnsQuery& query, const zone::ZoneSnapshot* snapshot,
                                          zone::Composer& composer, DnsTally& tally) const noexcept {
  constexpr bool datagram = transport == Transport::datagram;
  if (datagram && settings_.udp_truncate_all) return {Rcode::noerror, false, true};
  switch (query.question.rr_class) {
    case dns::rr_class::in:
    case dns::rr_class::any: {
      const bool minimal_any = datagram && settings_.udp_minimal_any;
      ResponseHead head = answer_zones(query, snapshot, minimal_any, composer, tally);
      if (datagram && tally.chain_cut) [[unlikely]]
        head.rcode = rcode_of_whole(query, snapshot, head, composer);
      return head;
    }
    case dns::rr_class::ch:
      return answer_chaos(query, settings_, composer);
    default:
      return {Rcode::refused};
  }
}

// Over a stream an answer that fits no DNS message at all becomes SERVFAIL; a datagram's becomes TC.
template <DnsZoneService::Transport transport>
std::size_t DnsZoneService::respond(const Asked& asked, MutableBytes out, const zone::ZoneSnapshot* snapshot,
                                    DnsTally& tally) const noexcept {
  const Bytes request = asked.request;
  if (request.size() < dns::kHeaderSize) return tally.kind = DnsTally::Kind::ignored_short, 0;
  if ((request[2] & 0x80) != 0) return tally.kind = DnsTally::Kind::ignored_response, 0;
  DnsQuery query;
  ResponseHead head;
  head.rcode = parse_query(request, query);
  const bool opt = query.edns.present;
  if (transport == Transport::stream && query.edns.keepalive_malformed && head.rcode == Rcode::noerror) {
    head.rcode = Rcode::formerr;
  }
  constexpr bool datagram = transport == Transport::datagram;
  dns::OptOptions options;
  DnsAdmission::CookieRoom room;
  if (query.edns.has_cookie || (datagram && guarded_)) [[unlikely]] {
    if (query.edns.has_cookie) options.cookie = read_cookie(query, asked.client, transport, room, tally);
    if (!admit(asked.client, transport, tally, head)) return 0;
  }
  const std::size_t begin = body_offset(query);
  const std::size_t limit = limit_for<transport>(query, out.size());
  std::size_t tail = 0;
  if (opt) tail = settle_options(query, settings_, datagram, limit - std::min(begin, limit), options);
  if (begin + tail > limit) return 0;  // no room for header and question even

  write_question(query, out.data());
  // Over a stream the options give way to what is the longest message even without them.
  zone::Composer composer(out.data(), begin, limit - (datagram || !opt ? tail : dns::kOptSize));
  if (head.rcode == Rcode::noerror && !head.truncated) head = answer_query<transport>(query, snapshot, composer, tally);
  std::size_t end = begin;
  if (!head.truncated) {
    end = composer.at();
    head.answers = composer.answers();
    head.authorities = composer.authorities();
    head.additionals = composer.additionals();
    if (!datagram && end + tail > limit) {
      options = {};
      tail = dns::kOptSize;
    }
  } else if (transport == Transport::stream) {
    head = {Rcode::servfail};
  }
  write_header(query, head, opt, out.data());
  if (opt) dns::write_opt(out.data() + end, settings_.max_udp, head.rcode, query.edns.dnssec_ok, options);
  tally.rcode = head.rcode;
  tally.truncated = head.truncated;
  return end + tail;
}

inline void DnsZoneService::count_answer(const DnsTally& tally) noexcept {
  if (tally.truncated) counters_.truncated.add();
  if (tally.referral) counters_.referrals.add();
  switch (tally.rcode) {
    case Rcode::noerror:
      return counters_.noerror.add();
    case Rcode::formerr:
      return counters_.formerr.add();
    case Rcode::servfail:
      return counters_.servfail.add();
    case Rcode::nxdomain:
      return counters_.nxdomain.add();
    case Rcode::notimp:
      return counters_.notimp.add();
    case Rcode::refused:
      return counters_.refused.add();
    case Rcode::yxdomain:
      return counters_.yxdomain.add();
    case Rcode::badvers:
      return counters_.badvers.add();
    case Rcode::badcookie:
      return counters_.badcookie.add();
  }
}

void DnsZoneService::count(const DnsTally& tally) noexcept {
  if (tally.kind != DnsTally::Kind::answered || tally.cookie != dns::CookieStanding::absent) [[unlikely]]
    return count_special(tally);
  count_answer(tally);
}

void DnsZoneService::count_special(const DnsTally& tally) noexcept {
  admission_->count(tally.cookie);
  switch (tally.kind) {
    case DnsTally::Kind::answered:
      return count_answer(tally);
    case DnsTally::Kind::ignored_short:
      return counters_.ignored_short.add();
    case DnsTally::Kind::ignored_response:
      return counters_.ignored_response.add();
    case DnsTally::Kind::limited:
      return;  // counted by who refused it
  }
}

// What was begun is gone on with as any constant answer, for as long as it is remembered.
Answer DnsZoneService::answer_notify(Bytes request, MutableBytes out, const RequestContext& context) noexcept {
  using Kind = NotifyKeeper::Result::Kind;
  const NotifyKeeper::Result result = keeper_->ask(request, context, now_ms_);
  switch (result.kind) {
    case Kind::passed:
      counters_.queries_tcp.add();
      counters_.notify_passed.add();
      break;
    case Kind::dropped:
      counters_.notify_dropped.add();
      break;
    case Kind::waits:
      break;
    case Kind::unrepeatable:
      counters_.unrepeatable.add();
      return {Answer::Kind::unrepeatable};
    case Kind::answered:
      if (result.message.empty() || out.size() < dns::kPrefixSize + result.message.size()) {
        return {Answer::Kind::malformed};
      }
      if (context.continuation) counters_.continued.add();
      store_be(out.data(), static_cast<std::uint16_t>(result.message.size()));
      std::ranges::copy(result.message, out.begin() + dns::kPrefixSize);
      return {Answer::Kind::answered, dns::kPrefixSize + result.message.size(), false, kConstant};
  }
  return {.kind = Answer::Kind::pending, .ticket = result.ticket};
}

Answer DnsZoneService::answer(Bytes request, MutableBytes out, const RequestContext& context) noexcept {
  if (is_notify(request, context)) [[unlikely]]
    return answer_notify(request, out, context);
  counters_.queries_tcp.add();
  if (out.size() < dns::kPrefixSize) return {Answer::Kind::malformed};
  DnsTally tally;
  const MutableBytes message = out.subspan(dns::kPrefixSize);
  const Asked asked{request, backend::client_address(context.flow)};
  const std::size_t length =
      respond<Transport::stream>(asked, message, zones_ == nullptr ? nullptr : zones_->current, tally);
  if (context.continuation && length > 0) return repeat(asked, out, {length, tally.since}, context.identity);
  count(tally);
  if (tap_ != nullptr) [[unlikely]]
    tap_->exchange({dns::TapTransport::tcp, context.flow, request, message.first(length)}, context.position);
  if (length == 0) {
    return {tally.kind == DnsTally::Kind::ignored_response ? Answer::Kind::silent : Answer::Kind::malformed};
  }
  store_be(out.data(), static_cast<std::uint16_t>(length));
  return {Answer::Kind::answered, dns::kPrefixSize + length, false, tally.since};
}

DnsZoneService::Version DnsZoneService::version_from(const zone::ZoneSnapshot& snapshot, const Asked& asked,
                                                     MutableBytes message) const noexcept {
  DnsTally tally;
  const std::size_t length = respond<Transport::stream>(asked, message, &snapshot, tally);
  return {length, tally.since};
}

// The length of the answer; 0: there is none.
inline std::size_t DnsZoneService::respond_to_datagram(const Asked& asked, MutableBytes out) noexcept {
  counters_.queries_udp.add();
  DnsTally tally;
  const std::size_t length =
      respond<Transport::datagram>(asked, out, zones_ == nullptr ? nullptr : zones_->current, tally);
  count(tally);
  return length;
}

bool DnsZoneService::pass_notify(const Datagram& datagram) noexcept {
  const NotifyDoor::Taken taken = settings_.notify->pass(datagram, now_ms_);
  if (taken == NotifyDoor::Taken::not_ours) return false;
  counters_.queries_udp.add();
  (taken == NotifyDoor::Taken::passed ? counters_.notify_passed : counters_.notify_dropped).add();
  return true;
}

void DnsZoneService::receive(const Datagram& datagram, DatagramSink& sink) noexcept {
  if (take_notify(datagram)) return;
  const MutableBytes room = sink.room();
  const std::size_t length = respond_to_datagram({datagram.payload, datagram.peer_address()}, room);
  if (tap_ != nullptr) [[unlikely]] {
    const dns::TapFlow flow(datagram.peer_address(), datagram.local_address(), datagram.peer_port, datagram.local_port);
    tap_->exchange({dns::TapTransport::udp, flow.bytes(), datagram.payload, room.first(length)});
  }
  if (length != 0) (void)sink.send(datagram.local_port, length);
}

Answer DnsZoneService::answer_datagram(Bytes request, MutableBytes out, const RequestContext& context) noexcept {
  const std::size_t length = respond_to_datagram({request, backend::client_address(context.flow)}, out);
  if (tap_ != nullptr) [[unlikely]]
    tap_->exchange({dns::TapTransport::udp, context.flow, request, out.first(length)});
  if (length == 0) return {Answer::Kind::silent};
  return {Answer::Kind::answered, length};
}

void DnsZoneService::read_counters(CounterReader& reader) const {
#define X(name, help) reader.read(#name, counters_.name.value(), help);
  GL_DNS_COUNTERS(X)
#undef X
  admission_->read_counters(reader);
}

std::optional<unsigned> DnsZoneService::zone_labels(const dns::Name& name) const noexcept {
  if (zones_ == nullptr || zones_->current == nullptr) return std::nullopt;
  zone::HashedName hashed;
  hashed.name.assign(name);
  hashed.rehash();
  const zone::Zone* const zone = zones_->current->find(hashed, false);
  return zone == nullptr ? std::nullopt : std::optional<unsigned>(zone->apex_labels);
}

std::size_t DnsZoneService::largest_answer() const noexcept {
  // Header, the longest question, a CHAOS text, OPT: what comes without zones.
  std::size_t largest = dns::kHeaderSize + dns::kMaxName + 4 + 13 + 255 + dns::kOptSize;
  if (zones_ != nullptr && zones_->current != nullptr) largest = std::max(largest, zones_->current->largest_answer());
  if (zones_ != nullptr) {
    for (const zone::ZoneSnapshot* snapshot : zones_->kept) {
      if (snapshot == nullptr) break;
      largest = std::max(largest, snapshot->largest_answer());
    }
  }
  std::size_t options = dns::opt_size({settings_.nsid, settings_.tcp_keepalive}) - dns::kOptSize;
  if (admission_->gives_cookies()) options += 4 + dns::kCookieSize;
  return std::min(dns::kPrefixSize + largest + options, kMaxRenderedAnswer);
}

}  // namespace gl::services
