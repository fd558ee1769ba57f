// Header, question and OPT of an answer: what every answer has around its records.
// Byte order: wire. Ownership: writes into the caller's buffer. Errors: none, the caller has checked the room.
// Source: RFC 1035 4.1.1, RFC 4035 3.1.6 (AD and CD are clear in an authoritative answer), RFC 6891 6.1.1, RFC 5001.
#pragma once

#include <cstdint>
#include <cstring>
#include <string_view>

#include "lib/dns/edns.h"
#include "lib/services/dns/query.h"

namespace gl::services {

struct ResponseHead {
  dns::Rcode rcode = dns::Rcode::noerror;
  bool authoritative = false;
  bool truncated = false;
  std::uint16_t answers = 0;
  std::uint16_t authorities = 0;
  std::uint16_t additionals = 0;
};

// Offset of the first record. The question goes back as it came, letter case included.
[[nodiscard]] inline std::size_t body_offset(const DnsQuery& query) noexcept {
  return query.has_question ? query.question.end : dns::kHeaderSize;
}
inline void write_question(const DnsQuery& query, std::uint8_t* message) noexcept {
  if (!query.has_question) return;
  std::memcpy(message + dns::kHeaderSize, query.message.data() + dns::kHeaderSize,
              query.question.end - dns::kHeaderSize);
}

inline void write_header(const DnsQuery& query, const ResponseHead& head, bool opt, std::uint8_t* message) noexcept {
  // What RD means where the opcode is not known is not known either (RFC 8906 section 8.2).
  const std::uint16_t kept = dns::flag::opcode_mask | (head.rcode == dns::Rcode::notimp ? 0 : dns::flag::rd);
  auto flags = static_cast<std::uint16_t>(dns::flag::qr | (query.flags & kept) |
                                          (static_cast<std::uint16_t>(head.rcode) & dns::flag::rcode_mask));
  if (head.authoritative) flags |= dns::flag::aa;
  if (head.truncated) flags |= dns::flag::tc;
  // In words, as the checksum will read it: a load over several younger stores waits for them all.
  const std::uint64_t id = load_be<std::uint16_t>(query.message.data());
  const std::uint64_t questions = query.has_question ? 1 : 0;
  store_be(message, id << 48 | std::uint64_t{flags} << 32 | questions << 16 | head.answers);
  store_be(message + 8,
           std::uint32_t{head.authorities} << 16 | static_cast<std::uint16_t>(head.additionals + (opt ? 1 : 0)));
}

}  // namespace gl::services
