// Why a segment ended as it did.
// Thread: constants.
#pragma once

#include <cstddef>
#include <cstdint>

namespace gl::tcp {

// Every name is a counter (datapath/verdict.h makes them visible).
#define GL_TCP_OUTCOMES(X)                                                                        \
  X(syn_ack, "SYN answered with a cookie")                                                        \
  X(syn_ack_cookie, "SYN that asks for a Fast Open cookie: answered with one")                    \
  X(syn_answered, "SYN with a valid Fast Open cookie: its queries answered at once")              \
  X(syn_bad_cookie, "SYN with a Fast Open cookie that is not valid: data ignored")                \
  X(answered, "new queries answered, their ACK with them")                                        \
  X(answered_withheld, "new queries answered in several segments, their ACK withheld")            \
  X(continued, "repeated query: the missing rest of its answer sent")                             \
  X(acked_repeat, "repeated query whose answer had arrived: acknowledged")                        \
  X(acked_withheld, "the whole answer arrived: the deferred ACK sent")                            \
  X(acked_prefix, "a length prefix alone: acknowledged")                                          \
  X(acked_keepalive, "keepalive probe acknowledged")                                              \
  X(acked_fin, "FIN of a closed or closing connection acknowledged")                              \
  X(fin_ack, "FIN answered with FIN and ACK")                                                     \
  X(flow_answered, "pipelined queries answered from the flow cache")                              \
  X(flow_continued, "more of a long answer sent as acknowledgements come in")                     \
  X(flow_resent, "part of an answer sent again: SACK, duplicate ACKs, the client's timer")        \
  X(acked_piece, "piece of a query of a client that is stuck with it: kept, and acknowledged")    \
  X(acked_gap, "segment of a remembered flow out of order: kept, and what is missing asked for")  \
  X(flow_kept, "query kept until it is whole, or until answers before it have arrived")           \
  X(suspended, "query whose answer is not there yet: the segment waits for it")                   \
  X(closed_full, "no room left in the ledger for this answer: FIN")                               \
  X(reset_no_cookie, "no cookie fits: RST")                                                       \
  X(reset_closed_port, "no service on this port: RST")                                            \
  X(reset_stale, "data after our FIN: RST")                                                       \
  X(reset_forgotten, "repeated, and what comes before it is known nowhere any more: RST")         \
  X(reset_changed, "the rest of an answer that has changed since: RST")                           \
  X(reset_malformed, "the stream holds no request, or one that is never answered: RST")           \
  X(reset_too_long, "immediate mode: a query acknowledged before, whose answer is too long: RST") \
  X(drop_reset_limited, "RST withheld by its rate limit or by configuration")                     \
  X(drop_rst, "RST received")                                                                     \
  X(drop_flags, "impossible flags, or neither SYN nor ACK")                                       \
  X(drop_mss, "SYN with an MSS below the smallest class")                                         \
  X(drop_ack_only, "acknowledgement that asks for nothing")                                       \
  X(drop_beyond, "pipelined behind an unanswered query: the client will repeat it")               \
  X(drop_waiting, "segment of a flow that waits for an answer already")                           \
  X(drop_incomplete, "incomplete query: the client will repeat it whole")                         \
  X(drop_zero_window, "query with no room for any answer byte: the client will repeat it")        \
  X(drop_fin_early, "FIN that overtook an answer: the client will repeat it")                     \
  X(drop_no_timestamp_late, "later segment of a client without timestamps that has no entry")

enum class Outcome : std::uint8_t {
#define X(name, help) name,
  GL_TCP_OUTCOMES(X)
#undef X
};
inline constexpr std::size_t kOutcomes = 0
#define X(name, help) +1
    GL_TCP_OUTCOMES(X)
#undef X
    ;

}  // namespace gl::tcp
