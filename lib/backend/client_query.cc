#include "lib/backend/client_query.h"

#include "lib/backend/edns_options.h"
#include "lib/backend/record_walk.h"

namespace gl::backend {

using dns::Rcode;
using Kind = ClientQuery::Kind;

namespace {

struct Counts {
  std::uint16_t answers;
  std::uint16_t authorities;
  std::uint16_t additionals;
};

Counts counts_of(Bytes message) noexcept {
  const std::uint8_t* const at = message.data();
  return {load_be<std::uint16_t>(at + 6), load_be<std::uint16_t>(at + 8), load_be<std::uint16_t>(at + 10)};
}

// What the opcode and the question's type make of it, and the sections that such a message may have.
Rcode judge_kind(const Counts& counts, ClientQuery& query) noexcept {
  const std::uint16_t type = query.question.type;
  switch (dns::opcode_of(query.flags)) {
    case dns::Opcode::query:
      if (type == dns::rr::axfr || type == dns::rr::ixfr) query.kind = Kind::transfer;
      // RFC 1995 section 3: the authority section of an IXFR holds the client's SOA.
      if (counts.answers != 0 || counts.authorities != (type == dns::rr::ixfr ? 1 : 0)) return Rcode::formerr;
      return Rcode::noerror;
    case dns::Opcode::notify:  // RFC 1996 3.7: it may say what the new SOA is
      query.kind = Kind::notify;
      return counts.authorities == 0 ? Rcode::noerror : Rcode::formerr;
    case dns::Opcode::update:  // RFC 2136 3.1: one zone, of type SOA
      query.kind = Kind::update;
      return type == dns::rr::soa ? Rcode::noerror : Rcode::formerr;
    default:
      return Rcode::notimp;
  }
}

bool read_options(ClientQuery& query) noexcept {
  OptionWalk walk(query.options);
  while (walk.next()) {
    if (walk.code() == dns::kOptionCookie && !query.has_cookie) {
      query.has_cookie = true;
      query.cookie = walk.whole().subspan(4);
    }
    if (walk.code() != dns::kOptionTcpKeepalive) continue;
    (walk.whole().size() == 4 ? query.keepalive : query.keepalive_malformed) = true;
  }
  return walk.ok();
}

bool read_opt(const Record& record, ClientQuery& query) noexcept {
  if (query.edns || !record.owned_by_root()) return false;
  const std::uint8_t* const fixed = query.message.data() + record.fixed;
  query.edns = true;
  query.opt_at = static_cast<std::uint16_t>(record.begin);
  query.payload = load_be<std::uint16_t>(fixed + 2);
  query.edns_version = fixed[5];
  query.dnssec_ok = (fixed[6] & 0x80) != 0;
  query.options = query.message.subspan(record.data(), record.end - record.data());
  return read_options(query);
}

// RFC 2931 section 3: a SIG that covers type 0 is the signature of a message.
bool signs_message(Bytes message, const Record& record) noexcept {
  if (record.type == dns::rr::tsig) return true;
  return record.type == dns::rr::sig && record.end - record.data() >= 2 &&
         load_be<std::uint16_t>(message.data() + record.data()) == 0;
}

// The records behind the question, which have to fill the message to its end.
bool read_records(const Counts& counts, ClientQuery& query) noexcept {
  const unsigned before = unsigned{counts.answers} + counts.authorities;
  const unsigned all = before + counts.additionals;
  RecordWalk walk(query.message, query.question.end);
  Record record;
  bool movable = true;  // what follows the OPT does not mind if that is taken out
  for (unsigned i = 0; i < all; ++i) {
    if (!walk.next(record)) return false;
    if (query.edns) movable = movable && points_before(query.message, record, query.opt_at);
    if (i < before) {
      if (record.type == dns::rr::opt) return false;
      if (query.kind == Kind::transfer && record.type != dns::rr::soa) return false;
      continue;
    }
    if (record.type == dns::rr::opt && !read_opt(record, query)) return false;
    if (!signs_message(query.message, record)) continue;
    // RFC 8945 5.2: a TSIG is the last record.
    if (record.type == dns::rr::tsig && i + 1 != all) return false;
    query.is_signed = true;
  }
  return walk.done() && (movable || query.is_signed);
}

void forget_edns(ClientQuery& query) noexcept {
  query.edns = query.dnssec_ok = query.keepalive = query.keepalive_malformed = query.has_cookie = false;
  query.edns_version = 0;
  query.payload = dns::kMinUdpPayload;
  query.opt_at = 0;
  query.options = query.cookie = query.answer_cookie = {};
}

}  // namespace

bool parse_client_question(Bytes message, ClientQuery& query) noexcept {
  return load_be<std::uint16_t>(message.data() + 4) == 1 && dns::parse_question(message, query.question);
}

Rcode parse_client_rest(Bytes message, bool has_question, ClientQuery& query) noexcept {
  query.message = message;
  query.flags = load_be<std::uint16_t>(message.data() + 2);
  query.kind = Kind::query;
  query.is_signed = false;
  forget_edns(query);
  const Counts counts = counts_of(message);
  if (!has_question) query.question.end = query.question.type = query.question.rr_class = 0;
  const Rcode kind = judge_kind(counts, query);
  if (kind == Rcode::notimp) return kind;
  if (!has_question || kind != Rcode::noerror) return Rcode::formerr;
  if (message.size() > dns::kMaxMessage || !read_records(counts, query)) {
    forget_edns(query);  // as far as it was read: no reason to trust it
    return Rcode::formerr;
  }
  return query.edns_version > 0 ? Rcode::badvers : Rcode::noerror;
}

}  // namespace gl::backend
