// A client's DNS message as far as forwarding has to know it, and as it goes on to a backend.
// Byte order: wire in messages, host in values. Ownership: borrows the request. Thread: pure functions. Errors: by
// rcode. Sources: RFC 1035 4.1, RFC 6891, RFC 8945 (TSIG), RFC 2931 (SIG(0)), RFC 7871 (client subnet), the PROXY
// protocol's specification, version 2.
#pragma once

#include <array>
#include <cstdint>

#include "lib/backend/settings.h"
#include "lib/base/bytes.h"
#include "lib/dns/edns.h"
#include "lib/dns/message.h"

namespace gl::backend {

// Of a question, what the backend gets to see of the client's flags.
inline constexpr std::uint16_t kForwardedFlags = dns::flag::opcode_mask | dns::flag::rd | dns::flag::ad | dns::flag::cd;

struct ClientQuery {
  enum class Kind : std::uint8_t { query, transfer, notify, update };
  Kind kind = Kind::query;
  Bytes message;  // the whole request
  std::uint16_t flags = 0;
  dns::Question question;  // `end` is 0 where there is none to repeat in an answer
  // Ends with TSIG or SIG(0): goes through unchanged but for its ID, and so does the reply.
  bool is_signed = false;
  bool edns = false;
  bool dnssec_ok = false;
  bool keepalive = false;            // edns-tcp-keepalive, which is between the client and us (RFC 7828)
  bool keepalive_malformed = false;  // one with a value, which only servers send
  bool has_cookie = false;
  std::uint8_t edns_version = 0;
  std::uint16_t payload = 512;  // what the client takes over UDP
  std::uint16_t opt_at = 0;     // where its OPT begins in the message; 0: none
  Bytes options{};              // of its OPT, as they came
  Bytes cookie{};               // where `has_cookie`: the data of the first COOKIE option, of any length
  Bytes answer_cookie{};        // what its answer holds as such; empty: nothing. Filled by who renders it

  // Behind its OPT.
  [[nodiscard]] std::size_t opt_end() const noexcept { return opt_at + dns::kOptSize + options.size(); }
  // UPDATE and NOTIFY: we never send them twice.
  [[nodiscard]] bool non_idempotent() const noexcept { return kind == Kind::notify || kind == Kind::update; }
};

// The question alone, which says where the message goes: true where there is one and no more. `message` has at least a
// header, and QR=0.
[[nodiscard]] bool parse_client_question(Bytes message, ClientQuery& query) noexcept;
// The rest, behind that: fills `query` as far as the message goes. noerror: it can be forwarded.
[[nodiscard]] dns::Rcode parse_client_rest(Bytes message, bool has_question, ClientQuery& query) noexcept;
[[nodiscard]] inline dns::Rcode parse_client_query(Bytes message, ClientQuery& query) noexcept {
  return parse_client_rest(message, parse_client_question(message, query), query);
}

// 128 bits of SipHash-2-4 under `key`: equal for the same question in the same pool. What counts: opcode, RD, CD, AD,
// question (letter case does not), DO, and the options that go on; the client's network where it is told to the backend
// (client subnet), or its address and ours (`proxy` pool). Of a signed message, an UPDATE, a NOTIFY or a transfer:
// every byte but the ID, and the flow.
using QuestionKey = std::array<std::uint64_t, 2>;
struct KeyContext {
  std::array<std::uint8_t, 16> key{};  // secret, of this process
  unsigned pool = 0;
  bool proxy = false;  // some backend of the pool is told who asks
};
[[nodiscard]] QuestionKey question_key(const ClientQuery& query, const ForwardSettings& settings,
                                       const KeyContext& context, Bytes flow) noexcept;

// The message for the backend: ID `id`, EDNS added or raised to `payload`, hop-by-hop options (keepalive, padding)
// taken out, a client subnet where it is configured, PROXYv2 in front where `proxy`. Returns its length; 0: `out` is
// too small.
struct Outgoing {
  std::uint16_t id = 0;
  std::uint16_t payload = 1232;  // 0: a question without EDNS
  bool proxy = false;
  Bytes flow{};  // both ends of the client's, as in RequestContext
};
[[nodiscard]] std::size_t write_backend_query(const ClientQuery& query, const ForwardSettings& settings,
                                              const Outgoing& how, MutableBytes out) noexcept;

// A health check.
[[nodiscard]] std::size_t write_health_query(const ForwardSettings& settings, std::uint16_t id,
                                             MutableBytes out) noexcept;

}  // namespace gl::backend
