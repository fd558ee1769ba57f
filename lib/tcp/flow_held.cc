// The client was stuck with a piece of its query, and was told to forget it: the entry alone has that piece now. Until
// the client has a ledger that was sent behind the query, every reply carries one by which any node without the entry
// sees that (kHeldGap), and ends the connection. At least one byte of the query stays unacknowledged until its answer
// has arrived, so the client's timer repairs every loss, as with any TCP (RFC 9293 section 3.8.1).
#include <algorithm>

#include "lib/tcp/flow_rules.h"

namespace gl::tcp {
namespace {

// On their way of an answer in several segments: so little that the client's echo never looks like another ledger. It
// may be older than one such flight, and what fills a gap may bring another one.
constexpr std::uint32_t kHeldInFlight = 8000;
constexpr std::uint32_t kHeldSegment = 4000;
static_assert(2 * kHeldInFlight < kHeldGap - kMaxStreamReply);

}  // namespace

bool FlowRules::hold() noexcept {
  flow_.held = flow_.was_held = true;
  flow_.held_to = flow_.base;
  flow_.held_stamp = flow_.stamp;
  flow_.last_off = off_;
  flow_.client_clock = segment_.timestamps->value;
  return answer_held(false);
}

// Such a client is helped on as well, once its timer has shown that it is stuck. One that repeats the whole query does
// not need the entry.
bool FlowRules::piece_ahead() noexcept {
  if (segment_.payload.empty()) return done(context_.has(kFin) ? Outcome::drop_fin_early : Outcome::drop_ack_only);
  const bool piece = repeated_piece();
  if (!before(flow_.base, segment_.seq) && !piece) return give_up();
  if (!take()) return done(Outcome::drop_beyond);
  return piece && repeats_enough() ? hold() : done(Outcome::flow_kept);
}

bool FlowRules::overtaken() const noexcept {
  return static_cast<std::int32_t>(segment_.timestamps->value - flow_.client_clock) <= 0;
}

// From the ledger before to the held one and on to the next is more than half the circle of TSval: the client would
// refuse the last, unless it has taken over the one between.
bool FlowRules::has_held_ledger() const noexcept {
  return is_held(off_, Ledger::decode(echo_).sent_end);
}

bool FlowRules::is_from_held() const noexcept {
  return flow_.was_held && overtaken() && has_held_ledger() && static_cast<std::int32_t>(echo_ - flow_.held_stamp) <= 0;
}

bool FlowRules::note_ledger() noexcept {
  flow_.client_clock = segment_.timestamps->value;
  if (static_cast<std::int32_t>(echo_ - flow_.held_stamp) <= 0) return false;
  flow_.held = false;
  flow_.repeats = 0;
  return true;
}

bool FlowRules::held() noexcept {
  const std::uint16_t kept = flow_.kept;
  const bool ended = flow_.fin;
  bool resend = false;
  if (!segment_.payload.empty() || context_.has(kFin)) {
    if (!take()) return done(Outcome::drop_beyond);
    resend = flow_.kept == kept && flow_.fin == ended;
    if (off_ < flow_.last_off) return done(Outcome::flow_kept);
    if (resend) flow_.recover = flow_.sent_to;
    note_progress();
  } else {
    // Overtaken: a ledger counted from there would be a step back, and TSval go half the circle ahead.
    if (off_ < flow_.last_off) return done(Outcome::drop_ack_only);
    resend = note_acknowledgement();
  }
  return flow_.stamp == flow_.held_stamp ? answer_held(resend) : settled_once_more(resend);
}

bool FlowRules::take() noexcept {
  const std::uint32_t known = flow_.kept_end() - segment_.seq;
  if (known >= 0x80000000u) return false;
  const std::size_t size = segment_.payload.size();
  if (known > size || (flow_.fin && known < size)) return true;  // nothing new, or nothing that may be there
  if (!flow_.keep(segment_.payload.subspan(known))) return false;
  if (known < size) flow_.repeats = 0;
  flow_.fin = flow_.fin || context_.has(kFin);
  return true;
}

// `next` and the flags stay as long as E does: with E unchanged `next` could wrap, and TSval would jump half the circle
// ahead of other replies.
Ledger FlowRules::held_ledger() const noexcept {
  return Ledger{(off_ + kHeldGap) & kOffsetMask, static_cast<std::uint16_t>(flow_.base.value() & kNextMask), false,
                true};
}

bool FlowRules::acknowledge_piece(Outcome outcome) noexcept {
  const bool ended = flow_.fin && flow_.held_to == flow_.kept_end();  // nothing will complete the query
  context_.build.control(ended ? Outcome::fin_ack : outcome, static_cast<std::uint8_t>(kAck | (ended ? kFin : 0)),
                         flow_.held_to + (ended ? 1u : 0u), held_ledger());
  sent_ledger(flow_.held_to, flow_.base_end);
  flow_.held_stamp = flow_.stamp;
  return true;
}

// One query at a time: those behind it wait until the client has the ledger that comes with the whole of this answer.
bool FlowRules::answer_held(bool resend) noexcept {
  AnswerStream& answers = context_.answers;
  const bool again = flow_.answered != flow_.base;
  const bool begun = again || off_ > flow_.base_end;
  answers.reset();
  const Stop stop = answers.answer({flow_.bytes_from(flow_.base), flow_.base, flow_.bare, 1,
                                    context_.room(cookie_, flow_.base_end), begun ? SIZE_MAX : 0},
                                   context_.service);
  if (stop == Stop::pending) return done(Outcome::parked);
  const std::uint32_t end = flow_.base_end + static_cast<std::uint32_t>(answers.size());
  if (stop == Stop::unrepeatable || (again && end != flow_.answered_end)) return changed();
  if (answers.queries() == 0) return nothing_to_answer(stop);
  if (!again) {
    flow_.answered = flow_.base + static_cast<std::uint32_t>(answers.consumed());
    flow_.answered_end = end;
    flow_.closing = answers.close_after() || context_.must_close(cookie_, end);
  }
  if (flow_.answered != flow_.kept_end()) context_.pipelined(cookie_);
  if (off_ >= end) return has_held_ledger() ? settle() : nothing_to_send();
  return send_answer_held(resend);
}

bool FlowRules::send_answer_held(bool resend) noexcept {
  const std::uint32_t rest = flow_.answered_end - off_;
  const bool on_its_way = flow_.sent_to > off_;
  const bool fits = rest <= std::min<std::uint32_t>(segment_size_, segment_.window) && has_held_ledger();
  return fits && (resend || !on_its_way) ? finish_held() : send_held(resend && on_its_way);
}

bool FlowRules::nothing_to_answer(Stop stop) noexcept {
  if (stop == Stop::malformed) {
    context_.build.reset(Outcome::reset_malformed);
    return forget();
  }
  if (stop == Stop::full) {
    context_.build.control(Outcome::closed_full, kFin | kAck, flow_.held_to, held_ledger());
    return forget();
  }
  flow_.held_to = flow_.kept_end();
  if (!segment_.payload.empty() || context_.has(kFin)) return acknowledge_piece(Outcome::acked_piece);
  const bool probe = segment_.seq + 1 == flow_.held_to;
  return probe ? acknowledge_piece(Outcome::acked_keepalive) : done(Outcome::drop_ack_only);
}

bool FlowRules::nothing_to_send() noexcept {
  if (!segment_.payload.empty() && !has_held_ledger()) return acknowledge_piece(Outcome::acked_piece);
  return done(segment_.window == 0 ? Outcome::drop_zero_window : Outcome::drop_ack_only);
}

// All that the client misses fits one segment: with it goes the ledger that counts the answer, and its ACK.
bool FlowRules::finish_held() noexcept {
  const bool last = flow_.fin && flow_.answered == flow_.kept_end();
  AnswerSegments how;
  how.begin = off_ - flow_.base_end;
  how.ack_all = flow_.answered + (last ? 1u : 0u);
  how.ack_none = flow_.held_to;
  how.ack_early = flow_.safe_ack;
  how.ledger.sent_end = flow_.answered_end;
  how.ledger.next = static_cast<std::uint16_t>(flow_.answered.value() & kNextMask);
  how.fin = flow_.closing = flow_.closing || last;
  how.mss_class = cookie_.mss_class;
  (void)context_.build.answer(context_.answers.bytes(), how);
  context_.plan.outcome = Outcome::flow_answered;
  sent_ledger(how.ack_all, flow_.answered_end);
  flow_.sent_to = flow_.answered_end;
  return true;
}

// The last piece stays unacknowledged, and the ledger held, until one segment is left of the answer. So who has read
// the whole of it has the next ledger, and a RST that an old segment draws after that is none to its client.
bool FlowRules::send_held(bool resend) noexcept {
  const std::uint32_t size = std::min(segment_size_, kHeldSegment);
  const std::uint32_t allowed = off_ + std::min({std::uint32_t{segment_.window}, flow_.window * size, kHeldInFlight});
  const std::uint32_t begin = resend ? off_ : std::max(flow_.sent_to, off_);
  const std::uint32_t last = has_held_ledger() ? std::min<std::uint32_t>(segment_size_, segment_.window / 2) : 1;
  const std::uint32_t most = flow_.answered_end - std::min(flow_.answered_end - off_, last);
  const std::uint32_t end = std::min({resend ? begin + size : most, most, allowed});
  if (begin >= end) return nothing_to_send();
  const SeqNum first_ack = begin == off_ ? flow_.held_to : flow_.safe_ack;
  flow_.stamp = flow_.held_stamp = held_ledger().encode(flow_.stamp);
  flow_.stamp_ack = flow_.held_to;
  context_.plan.stream = context_.answers.bytes();
  const std::uint32_t sent =
      context_.build.range({begin - flow_.base_end, end - flow_.base_end, cookie_.isn + 1 + begin, first_ack,
                            flow_.safe_ack, flow_.stamp, size});
  flow_.sent_to = std::max(flow_.sent_to, flow_.base_end + sent);
  context_.plan.outcome = resend                     ? Outcome::flow_resent
                          : segment_.payload.empty() ? Outcome::flow_continued
                                                     : Outcome::flow_answered;
  return true;
}

// The client has the whole answer: the ordinary ledger again, and the ACK of the whole query. What is kept behind it
// is answered in the ordinary way.
bool FlowRules::settle() noexcept {
  if (off_ > flow_.answered_end) {  // the ledger says so; the beginning of the next answer, which was sent before
    flow_.closing = false;
    flow_.drop_before(flow_.answered, flow_.answered_end);
    return acknowledge(Outcome::acked_repeat, settled());
  }
  const bool last = flow_.fin && flow_.answered == flow_.kept_end();
  if (!flow_.closing && !last) return caught_up();
  flow_.closing = true;
  const Ledger ledger{flow_.answered_end & kOffsetMask, static_cast<std::uint16_t>(flow_.answered.value() & kNextMask),
                      false, true};
  const SeqNum past = flow_.answered + (last ? 1u : 0u);
  context_.build.control(Outcome::fin_ack, kFin | kAck, past, ledger);
  sent_ledger(past, flow_.answered_end);
  return true;
}

// That was sent, and the client does not have it yet.
bool FlowRules::settled_once_more(bool resend) noexcept {
  if (off_ < flow_.answered_end) return in_flight(resend);
  if (flow_.closing) return settle();
  flow_.drop_before(flow_.answered, flow_.answered_end);
  const bool taken = ahead() ? done(Outcome::flow_kept) : caught_up();
  const Outcome outcome = context_.plan.outcome;
  const bool silent = outcome == Outcome::drop_ack_only || outcome == Outcome::flow_kept;
  if (!silent || (segment_.payload.empty() && !context_.has(kFin))) return taken;
  return acknowledge(Outcome::acked_repeat, settled());
}

}  // namespace gl::tcp
