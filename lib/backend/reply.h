// A backend's reply: checked once, kept without its ID and OPT, and written again for each client that asked.
// Byte order: wire in messages, host in values. Ownership: borrows. Thread: pure functions. Errors: by value.
// Sources: RFC 1035 4.1, RFC 6891, RFC 2181 section 8 (TTL), RFC 8914 (extended errors).
#pragma once

#include <cstdint>

#include "lib/backend/client_query.h"
#include "lib/base/bytes.h"

namespace gl::backend {

// What a message looks like from outside: enough to tell whose reply it is.
struct ReplyHead {
  std::uint16_t id = 0;
  std::uint16_t flags = 0;
  bool has_question = false;
};
// False: shorter than a header, or QR=0.
[[nodiscard]] bool read_reply_head(Bytes reply, ReplyHead& head) noexcept;

// Whether the reply's opcode and question are those of the query sent (the whole message, without PROXYv2). Letter case
// has to be the same or all lower. A reply without a question is the asked one only where its rcode says that it was
// not understood (FORMERR, NOTIMP, REFUSED, SERVFAIL).
[[nodiscard]] bool answers_question(Bytes reply, Bytes query_sent) noexcept;

// How much of a reply has come.
enum class ReplyForm : std::uint8_t {
  whole,
  cut_short,  // longer than what we have asked for and than what a frame holds: only the beginning is there
};
// What such a reply should have been (RFC 2181 section 9): header with TC, question, no records. Written into `out`,
// which has kLongestTruncated bytes; `reply` answers our question.
inline constexpr std::size_t kLongestTruncated = dns::kHeaderSize + dns::kMaxName + 4;
[[nodiscard]] Bytes truncate_reply(Bytes reply, MutableBytes out) noexcept;

// A reply that is kept: `message` has ID 0 and no OPT; what the OPT said is beside it. `verbatim`: of a signed query,
// or a transfer: only the ID is rewritten.
struct KeptReply {
  Bytes message{};
  Bytes options{};  // of its OPT, those that clients may see
  std::uint8_t extended_rcode = 0;
  bool edns = false;
  bool dnssec_ok = false;
  bool verbatim = false;
  bool truncated = false;  // with TC: nothing but a sign to ask over TCP
  bool framed = false;     // a transfer: several messages, each behind its length prefix
};
enum class ReplyFault : std::uint8_t { none, malformed, no_room };
// Walks every record; writes `message` and `options` one behind the other into `into`, which has reply.size() bytes.
[[nodiscard]] ReplyFault keep_reply(Bytes reply, bool verbatim, MutableBytes into, KeptReply& kept) noexcept;
// Messages behind their length prefixes, as a transfer comes.
[[nodiscard]] ReplyFault keep_transfer(Bytes messages, MutableBytes into, KeptReply& kept) noexcept;

// The answer for this client: its ID, its letter case, its RD and CD, OPT only if it has sent one. TTLs are `age_s`
// less, at least 0. `limit`: bytes of message it may have; more becomes TC over UDP. `stream` answers hold our
// edns-tcp-keepalive if the client asked. Returns the length of the message without framing (a `framed` one: of all,
// with framing); 0: no room.
struct Rendering {
  std::uint32_t age_s = 0;
  bool stream = false;
  bool subnet_added = false;  // the client subnet option was ours: the client does not see its answer
};
struct Rendered {
  std::size_t length = 0;
  bool truncated = false;
};
[[nodiscard]] Rendered render_reply(const KeptReply& kept, const ClientQuery& query, const ForwardSettings& settings,
                                    const Rendering& how, MutableBytes out) noexcept;

// An answer of our own: header, question, OPT if the client has one, with an extended error where `info` is not 0xffff.
[[nodiscard]] std::size_t render_error(const ClientQuery& query, const ForwardSettings& settings, dns::Rcode rcode,
                                       std::uint16_t info, bool stream, MutableBytes out) noexcept;
// The same, for a datagram that says nothing but: ask over TCP.
[[nodiscard]] std::size_t render_truncated(const ClientQuery& query, const ForwardSettings& settings,
                                           MutableBytes out) noexcept;

}  // namespace gl::backend
