// The rules of a flow that the cache remembers. An entry knows more than the ledger that the client echoes: answers
// that are on their way, queries that wait. What it sends beyond the ledger is never counted in one, and acknowledges
// nothing new; the ledger moves on only in segments that begin at SEG.ACK, so the client takes it over together with
// the ACK (TS.Recent, RFC 7323 section 4.3). Without the entry the stateless rules continue from there.
// Internal to lib/tcp: with_flow.cc takes the segment in, flow_caught_up.cc goes on where the client has everything,
// flow_in_flight.cc where answers are on their way, flow_held.cc where a piece of a query was acknowledged. A function
// that returns bool says whether the segment is dealt with. Thread: one core's own. Everything is borrowed for the
// call.
#pragma once

#include "lib/tcp/rules.h"

namespace gl::tcp {

class FlowRules {
 public:
  FlowRules(RuleContext& context, const Accepted& cookie, Flow& flow) noexcept
      : context_(context),
        segment_(context.segment),
        cookie_(cookie),
        flow_(flow),
        off_(cookie.off),
        echo_(segment_.timestamps->echo),
        segment_size_(context.build.segment_size(cookie.mss_class)) {}

  bool apply() noexcept;

 private:
  bool give_up() noexcept;
  bool forget() noexcept;
  bool done(Outcome outcome) noexcept;
  // Further from what waits than our window reaches: the client has gone on without this entry. The ledger's 12 bits
  // would take it for the next query once in a window's length.
  [[nodiscard]] bool passed_by() const noexcept;
  // Whether the ledger alone tells that the client has the answers to everything before `seq`.
  [[nodiscard]] bool ledger_is_at(SeqNum seq) const noexcept;
  void learn() noexcept;
  bool wait() noexcept;
  // Another instance, or the rules without this entry, may have gone further in the meantime.
  [[nodiscard]] bool in_step() const noexcept;
  // The client has read the beginning of the answer to the query of which only a piece is kept: it was sent before.
  [[nodiscard]] bool ahead() const noexcept;
  // Whether it may belong to this connection: a later one from the same port, whose SYN another node has seen, begins
  // at another place.
  [[nodiscard]] bool is_near() const noexcept;
  bool data() noexcept;
  // What is kept already, once more, and in a way that does not show its place to the rules without an entry. A client
  // whose congestion window is one segment repeats it alone for ever, and so does one that cannot join it with the
  // next: nothing acknowledges a part of a query. The entry helps it on.
  [[nodiscard]] bool repeated_piece() const noexcept;
  bool repeated() noexcept;
  // Whether the ledger alone finds its place in the segment.
  [[nodiscard]] bool shows_place() const noexcept;
  // The copies that a network makes have one time of the client between them.
  [[nodiscard]] bool repeats_enough() noexcept;
  bool stuck() noexcept;
  // The client had not seen the ACK of what is before `base`.
  bool acknowledged_before() noexcept;
  bool fin() noexcept;
  bool acknowledgement() noexcept;
  // RFC 5681 and RFC 6582 in small: true where the segment at SEG.ACK is to be sent again.
  bool note_acknowledgement() noexcept;
  void note_progress() noexcept;
  // ---- Nothing is on its way: the same as without an entry, but for queries that were kept. ----
  bool caught_up() noexcept;
  bool idle() noexcept;
  bool close(SeqNum past) noexcept;
  bool close_again() noexcept;
  // The ledger with everything before `base` answered, arrived and acknowledged.
  [[nodiscard]] Ledger settled() const noexcept;
  bool acknowledge(Outcome outcome, const Ledger& ledger) noexcept;
  void sent_ledger(SeqNum ack, std::uint32_t end) noexcept;
  // The queries that are counted together have to fit one segment of the client: it repeats them in one, should the
  // entry be gone by then. A longer query goes alone.
  Stop render_next() noexcept;
  bool send_counted() noexcept;
  bool nothing_complete(Stop stop) noexcept;
  // ---- Answers are on their way. ----
  bool in_flight(bool resend) noexcept;
  // Whether half a segment of queries, or so, can be acknowledged that were not when the newest ledger was sent.
  [[nodiscard]] bool gathered() const noexcept;
  // Who does not take over the newest ledger (its ACK is an old one to a client that another instance has told more)
  // must not read further than the rules without an entry can follow.
  [[nodiscard]] std::uint32_t may_be_ahead() const noexcept;
  // Who acknowledges one byte more than the ledger counts says that our FIN arrived: no segment may end there.
  [[nodiscard]] std::uint32_t clear_of_fin(std::uint32_t begin, std::uint32_t end) const noexcept;
  // Renders what is complete behind `answered`, if it fits what may be on its way uncounted.
  void answer_more() noexcept;
  // Every answer that the entry counts, from `base` on, once more.
  bool render_all() noexcept;
  bool changed() noexcept;
  // The client has to keep queries until they are acknowledged, and our window is small. Those whose answers have
  // arrived are acknowledged by one segment that begins at SEG.ACK, be it on its way already: such a one hands over the
  // ledger with the ACK. Later segments may hand over the ledger alone, if it was lost; so the step is at most one
  // segment of queries, in whose repetition the stateless rules then find the place.
  // False: there is nothing to acknowledge yet; the stream has been overwritten.
  bool refresh() noexcept;
  // ---- The client was stuck with a piece of its query, and was told to forget it (flow_held.cc). ----
  bool hold() noexcept;
  bool held() noexcept;
  bool piece_ahead() noexcept;
  // An older segment than one that came already: its echo would be taken for a newer one where it is far behind.
  [[nodiscard]] bool overtaken() const noexcept;
  // Whether the client has a ledger that was sent behind the held query.
  bool note_ledger() noexcept;
  [[nodiscard]] bool has_held_ledger() const noexcept;
  // An old segment, from before the client had that: to the rules without an entry it would be a current one.
  [[nodiscard]] bool is_from_held() const noexcept;
  // Keeps what the segment adds to what is kept. False: it does not follow on that.
  bool take() noexcept;
  [[nodiscard]] Ledger held_ledger() const noexcept;
  bool acknowledge_piece(Outcome outcome) noexcept;
  bool answer_held(bool resend) noexcept;
  bool nothing_to_answer(Stop stop) noexcept;
  bool send_answer_held(bool resend) noexcept;
  bool nothing_to_send() noexcept;
  bool finish_held() noexcept;
  bool send_held(bool resend) noexcept;
  bool settle() noexcept;
  bool settled_once_more(bool resend) noexcept;

  RuleContext& context_;
  const Segment& segment_;
  const Accepted& cookie_;
  Flow& flow_;
  const std::uint32_t off_;
  const std::uint32_t echo_;
  const std::uint32_t segment_size_;
};

}  // namespace gl::tcp
