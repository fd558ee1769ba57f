// Why a segment ended as it did.
// Thread: constants.
#pragma once

#include <cstddef>
#include <cstdint>

namespace gl::tcp {

// Every name is a counter (datapath/verdict.h makes them visible).
#define GL_TCP_OUTCOMES(X)                                                                               \
  X(syn_ack, reply, "SYN answered with a cookie")                                                        \
  X(syn_ack_cookie, reply, "SYN that asks for a Fast Open cookie: answered with one")                    \
  X(syn_answered, reply, "SYN with a valid Fast Open cookie: its queries answered at once")              \
  X(syn_bad_cookie, reply, "SYN with a Fast Open cookie that is not valid: data ignored")                \
  X(answered, reply, "new queries answered, their ACK with them")                                        \
  X(answered_withheld, reply, "new queries answered in several segments, their ACK withheld")            \
  X(continued, reply, "repeated query: the missing rest of its answer sent")                             \
  X(acked_repeat, reply, "repeated query whose answer had arrived: acknowledged")                        \
  X(acked_withheld, reply, "the whole answer arrived: the deferred ACK sent")                            \
  X(acked_prefix, reply, "a length prefix alone: acknowledged")                                          \
  X(acked_keepalive, reply, "keepalive probe acknowledged")                                              \
  X(acked_fin, reply, "FIN of a closed or closing connection acknowledged")                              \
  X(fin_ack, reply, "FIN answered with FIN and ACK")                                                     \
  X(flow_answered, reply, "pipelined queries answered from the flow cache")                              \
  X(flow_continued, reply, "more of a long answer sent as acknowledgements come in")                     \
  X(flow_resent, reply, "part of an answer sent again: SACK, duplicate ACKs, the client's timer")        \
  X(acked_piece, reply, "piece of a query of a client that is stuck with it: kept, and acknowledged")    \
  X(acked_gap, reply, "segment of a remembered flow out of order: kept, and what is missing asked for")  \
  X(flow_kept, other, "query kept until it is whole, or until answers before it have arrived")           \
  X(bulk_begun, reply, "answer beyond 64 KiB begun: an entry made, the first segments sent")             \
  X(bulk_sent, reply, "more of such an answer sent as acknowledgements come in")                         \
  X(bulk_resent, reply, "part of such an answer sent again: SACK, duplicate ACKs, our timer")            \
  X(bulk_acked, reply, "segment of a client that reads such an answer: acknowledged")                    \
  X(bulk_ended, reply, "such an answer has arrived, both sides have closed")                             \
  X(bulk_timer, other, "deadline of such an answer at which nothing had to be sent")                     \
  X(suspended, other, "query whose answer is not there yet: the segment waits for it")                   \
  X(closed_full, reply, "no room left in the ledger for this answer: FIN")                               \
  X(reset_no_cookie, reply, "no cookie fits: RST")                                                       \
  X(reset_closed_port, reply, "no service on this port: RST")                                            \
  X(reset_stale, reply, "data after our FIN: RST")                                                       \
  X(reset_forgotten, reply, "repeated, and what comes before it is known nowhere any more: RST")         \
  X(reset_incomplete, reply, "piece of a query repeated alone, and no entry to keep it: RST")            \
  X(reset_changed, reply, "the rest of an answer that has changed since: RST")                           \
  X(reset_malformed, reply, "the stream holds no request, or one that is never answered: RST")           \
  X(reset_bulk_silent, reply, "nothing heard of the client of a long answer: RST")                       \
  X(reset_too_long, reply, "immediate mode: a query acknowledged before, whose answer is too long: RST") \
  X(drop_reset_limited, drop, "RST withheld by its rate limit or by configuration")                      \
  X(drop_syn_limited, drop, "SYN of a network above --tcp-syn-limit")                                    \
  X(drop_answer_limited, drop, "query of a network above --tcp-answer-limit: the client will repeat it") \
  X(drop_rst, drop, "RST received")                                                                      \
  X(drop_flags, drop, "impossible flags, or neither SYN nor ACK")                                        \
  X(drop_mss, drop, "SYN with an MSS below the smallest class")                                          \
  X(drop_ack_only, drop, "acknowledgement that asks for nothing")                                        \
  X(drop_beyond, drop, "pipelined behind an unanswered query: the client will repeat it")                \
  X(drop_bulk_full, drop, "request of a long answer, and no entry free: the client will repeat it")      \
  X(drop_bulk_aborted, drop, "RST of a client that reads a long answer: it ends")                        \
  X(drop_bulk_elsewhere, drop, "segment of a long answer that another core may have on its way")         \
  X(drop_bulk_foreign, drop, "segment that does not fit the long answer on its way")                     \
  X(drop_waiting, drop, "segment of a flow that waits for an answer already")                            \
  X(drop_incomplete, drop, "piece of a query: the client will repeat all of it that it has sent")        \
  X(drop_zero_window, drop, "query with no room for any answer byte: the client will repeat it")         \
  X(drop_fin_early, drop, "FIN that overtook an answer: the client will repeat it")                      \
  X(drop_no_timestamp_late, drop, "later segment of a client without timestamps that has no entry")

enum class Outcome : std::uint8_t {
#define X(name, kind, help) name,
  GL_TCP_OUTCOMES(X)
#undef X
};
inline constexpr std::size_t kOutcomes = 0
#define X(name, kind, help) +1
    GL_TCP_OUTCOMES(X)
#undef X
    ;

}  // namespace gl::tcp
