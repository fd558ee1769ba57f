// A DNS query taken apart and judged: what is asked, and whether it may be answered at all.
// Byte order: wire; values in host order. Ownership: borrows the request. Errors: the rcode it deserves.
// Source: RFC 1035 4.1, RFC 6891 6.1.3 (BADVERS), RFC 9619 (one question).
#pragma once

#include <cstdint>

#include "lib/dns/edns.h"
#include "lib/dns/message.h"

namespace gl::services {

struct DnsQuery {
  Bytes message;
  std::uint16_t flags = 0;
  bool has_question = false;  // `question` is valid: it is repeated in the answer
  dns::Question question;
  dns::Edns edns;
};

// RFC 1995 section 3: an IXFR has the client's SOA in its authority section. Its end; 0: it is none.
[[nodiscard]] inline std::size_t skip_record(Bytes message, std::size_t at) noexcept {
  dns::Cursor cursor(message, at);
  cursor.skip_name();
  cursor.bytes(8);
  cursor.bytes(cursor.u16());
  return cursor.ok() ? cursor.at() : 0;
}

// Fills `query` as far as the message goes. noerror: it is well-formed and of a kind we answer. Inline: its caller
// reads what was found from registers.
[[nodiscard, gnu::always_inline]] inline dns::Rcode parse_query(Bytes message, DnsQuery& query) noexcept {
  const auto* header = message.data();
  query.message = message;
  query.flags = load_be<std::uint16_t>(header + 2);
  const bool one_question = load_be<std::uint16_t>(header + 4) == 1;
  query.has_question = one_question && dns::parse_question(message, query.question);
  if (dns::opcode_of(query.flags) != dns::Opcode::query) return dns::Rcode::notimp;
  if (!query.has_question) return dns::Rcode::formerr;
  const auto answers_authorities = load_be<std::uint32_t>(header + 6);
  std::size_t end = query.question.end;
  if (answers_authorities == 1 && query.question.type == dns::rr::ixfr) {
    end = skip_record(message, end);
  } else if (answers_authorities != 0) {
    return dns::Rcode::formerr;
  }
  const auto additionals = load_be<std::uint16_t>(header + 10);
  if (end == 0 || !dns::parse_additional(message, end, additionals, query.edns)) {
    query.edns = {};  // as far as it was read: no reason to trust it
    return dns::Rcode::formerr;
  }
  return query.edns.present && query.edns.version > 0 ? dns::Rcode::badvers : dns::Rcode::noerror;
}

// Question types that no zone answers: transfers and other pseudo-types (RFC 6895 3.1).
[[nodiscard]] constexpr bool is_meta_type(std::uint16_t type) noexcept {
  return type == dns::rr::axfr || type == dns::rr::ixfr;
}

}  // namespace gl::services
