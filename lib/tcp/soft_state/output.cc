// What a remembered flow sends: answers, from the one at SND.UNA on, and what they acknowledge.
#include <algorithm>

#include "lib/tcp/soft_state/flow_rules.h"

namespace gl::tcp {
void FlowRules::answer() noexcept {
  collect();
  if (refused_) return reset(Outcome::reset_changed);
  piece_count_ > 0 ? send() : nothing_to_send();
  // The next answer may be there long before the client's delayed ACK (RFC 9293 section 3.8.6.3).
  const bool waits = context_.plan.outcome == Outcome::suspended;
  if (stop_ == Stop::pending && !waits && !evicted_) context_.build.wait_for_rest(context_.answers.ticket());
}

// Which parts of our stream go out: first what was lost, then what was never sent.
void FlowRules::collect() noexcept {
  SendWindow& snd = flow_.snd;
  const std::uint32_t edge = send_edge();
  std::uint32_t budget = snd.budget(mss_);
  while (piece_count_ < pieces_.size() && budget >= mss_) {
    Range lost = snd.next_lost(mss_);
    lost.end = std::min({lost.end, edge, flow_.answered_end});
    if (lost.empty()) break;
    lost.end = clear_of_fin(lost);
    add_piece(lost, true);
    budget -= mss_;
  }
  const std::uint32_t nxt = snd.nxt();
  const std::uint32_t want = std::max(std::min(edge, nxt + budget), nxt);
  const Range needed{piece_count_ > 0 ? pieces_[0].begin : nxt, want};
  if (needed.empty() && waits_for_ledger()) (void)render({nxt, nxt + 1});  // so that the ledger can count it
  if (needed.empty() || !render(needed)) return;
  const std::uint32_t end = std::min(want, flow_.answered_end);
  for (std::uint32_t at = nxt; at < end && piece_count_ < pieces_.size();) {
    Range next{at, std::min(end, at + mss_)};
    // RFC 1122 section 4.2.3.4: no small segment only because there is no room for a larger one yet.
    const bool cut = next.end - next.begin < mss_ && next.end < flow_.answered_end;
    if (cut && (snd.in_flight() || piece_count_ > 0)) break;
    next.end = clear_of_fin(next);
    add_piece(next, false);
    at = next.end;
  }
}

void FlowRules::add_piece(Range range, bool again) noexcept {
  flow_.snd.sent(range);
  pieces_[piece_count_++] = {range.begin, range.end, again};
}

// The client's window; and what rules without an entry could still follow: no further beyond what the ledger counts
// that the client is known to have.
std::uint32_t FlowRules::send_edge() const noexcept {
  const std::uint32_t edge = flow_.snd.una() + flow_.snd_wnd;
  if (!flow_.timestamps || flow_.piece_acked()) return edge;
  return std::min(edge, flow_.covered_end + kMaxAhead);
}

// A client with timestamps that acknowledges one byte more than a ledger counts says that our FIN arrived: no segment
// ends one byte behind an answer.
std::uint32_t FlowRules::clear_of_fin(Range range) const noexcept {
  if (!flow_.timestamps || range.end - range.begin < 2) return range.end;
  std::uint32_t end = flow_.base_end;
  for (std::size_t i = 0; i < flow_.count && end + 1 < range.end; ++i) end += flow_.parts[i].answer;
  return end + 1 == range.end ? end : range.end;
}

bool FlowRules::render(Range range) noexcept {
  AnswerStream& answers = context_.answers;
  answers.reset();
  std::uint32_t end = flow_.base_end;
  std::size_t part = 0;
  std::size_t skipped = 0;
  for (; part < flow_.count && end + flow_.parts[part].answer <= range.begin; ++part) {
    end += flow_.parts[part].answer;
    skipped += flow_.parts[part].query;
  }
  rendered_.begin = end;
  refused_ = range.begin < end;  // nothing of ours lies there
  if (refused_) return false;
  AnswerStream::Request request{Bytes(flow_.queries).subspan(skipped, flow_.buffered - skipped),
                                flow_.base + static_cast<std::uint32_t>(skipped)};
  request.most = SIZE_MAX;
  // What was answered before, once more.
  for (; part < flow_.count && end < range.end; ++part) {
    request.prefix_consumed = flow_.prefix_consumed && part == 0;
    request.limit = answers.consumed() + 1;
    request.room = request.client_has = SIZE_MAX;
    request.identity = flow_.parts[part].identity;
    const Stop stop = answers.answer(request, context_.service);
    refused_ = stop != Stop::boundary || answers.parts().back().answer != flow_.parts[part].answer;
    if (refused_) return false;
    end += flow_.parts[part].answer;
  }
  request.identity = 0;
  while (may_answer_more(range.end)) {
    request.prefix_consumed = flow_.unanswered_lacks_prefix();
    request.limit = answers.consumed() + 1;
    request.client_has = flow_.answered_end < flow_.begun_end ? SIZE_MAX : 0;
    request.room = answers.size() + room();
    stop_ = answers.answer(request, context_.service);
    if (stop_ != Stop::boundary) break;
    const AnswerStream::Part& answered = answers.parts().back();
    flow_.parts[flow_.count++] = answered;
    flow_.answered = static_cast<std::uint16_t>(flow_.answered + answered.query);
    flow_.answered_end += answered.answer;
    if (flow_.timestamps && (flow_.count > 1 || flow_.answered != flow_.buffered)) context_.pipelined(cookie_);
    // What the client has read of later answers, which were sent without this entry, is not cut short.
    const bool reached = flow_.answered_end >= flow_.snd.una();
    flow_.last_answered = reached && (answers.close_after() || must_close());
  }
  refused_ = stop_ == Stop::unrepeatable;
  return !refused_;
}

// How many answer bytes the connection may still carry. Without timestamps no cookie limits them.
std::uint32_t FlowRules::room() const noexcept {
  if (flow_.timestamps) return context_.room(cookie_, flow_.answered_end);
  return kLastLongOffset - std::min(kLastLongOffset, flow_.answered_end);
}

bool FlowRules::must_close() const noexcept {
  if (flow_.timestamps) return context_.must_close(cookie_, flow_.answered_end);
  return flow_.answered_end + kMaxRenderedAnswer > kLastLongOffset;
}

bool FlowRules::may_answer_more(std::uint32_t end) const noexcept {
  if (flow_.answered_end >= end || flow_.last_answered || flow_.count == flow_.parts.size()) return false;
  if (flow_.answered == flow_.buffered) return false;
  // While a piece of the first query is acknowledged the ledger stands still: one query at a time.
  return !(flow_.timestamps && flow_.piece_acked() && flow_.count > 0);
}

bool FlowRules::ends_stream(std::uint32_t end) const noexcept {
  if (end != flow_.answered_end) return false;
  if (flow_.last_answered) return true;
  if (!flow_.client_fin) return false;
  const Bytes rest = flow_.unanswered();
  return rest.empty() ||
         context_.service.next_request(rest, flow_.unanswered_lacks_prefix()).kind != Framed::Kind::complete;
}

SeqNum FlowRules::later_ack() const noexcept {
  if (flow_.piece_acked()) return later_of(flow_.piece_ack, flow_.base);
  return flow_.timestamps ? earlier_of(flow_.covered, flow_.base) : flow_.base;
}

SeqNum FlowRules::first_ack(std::uint32_t end) const noexcept {
  SeqNum seq = flow_.base;
  std::uint32_t at = flow_.base_end;
  for (std::size_t i = 0; i < flow_.count; ++i) {
    at += flow_.parts[i].answer;
    if (at > end) break;
    seq = seq + flow_.parts[i].query;
  }
  return flow_.piece_acked() ? later_of(seq, flow_.piece_ack) : seq;
}

// All but the last byte of what came, to a client without timestamps that has read something: whoever loses the entry
// cannot go on with it anyhow. So its timer does not back off while a long answer is on its way, and still has
// something to repeat.
void FlowRules::acknowledge_most() noexcept {
  if (flow_.timestamps || flow_.buffered == 0 || flow_.snd.una() == 0) return;
  flow_.piece_ack = later_of(flow_.piece_ack, flow_.rcv_end() - 1);
}

void FlowRules::send() noexcept {
  acknowledge_most();
  Plan& plan = context_.plan;
  plan.answers = &context_.answers;
  const bool alone = piece_count_ == 1;
  const Piece& first = pieces_[0];
  const bool at_una = first.begin == flow_.snd.una();
  const SeqNum later = later_ack();
  SeqNum head = at_una ? first_ack(first.end) : later;
  if (flow_.timestamps) {
    // With a piece acknowledged the ledger stays, until one segment brings all that is missing of the answer.
    const bool stays = flow_.piece_acked() && !(alone && before(flow_.piece_ack, head));
    if (!stays) {
      advance_ledger(pieces_[piece_count_ - 1].end, alone ? head : earlier_of(head, later), alone);
      head = earlier_of(head, flow_.ledger_next);
    }
  }
  bool again = false;
  for (std::size_t i = 0; i < piece_count_; ++i) {
    const Piece& range = pieces_[i];
    const bool fin = ends_stream(range.end);
    SeqNum ack = i == 0 ? head : later;
    flow_.acked = later_of(flow_.acked, ack);
    if (fin && flow_.client_fin && ack == flow_.rcv_end()) {
      ack = ack + 1;
      flow_.client_fin_acked = true;
    }
    OutSegment& out =
        context_.build.segment(cookie_.isn + 1 + range.begin, ack,
                               static_cast<std::uint8_t>(kAck | (i + 1 == piece_count_ ? kPsh : 0) | (fin ? kFin : 0)));
    out.window = advertise(ack);
    out.offset = range.begin - rendered_.begin;
    out.length = range.end - range.begin;
    if (flow_.timestamps) context_.build.stamp(out, flow_.ts_val, flow_.ts_recent);
    flow_.fin_sent = flow_.fin_sent || fin;
    if (pieces_[i].again && range.begin == flow_.snd.una()) flow_.resent_ms = context_.flows.now_ms();
    again = again || pieces_[i].again;
  }
  flow_.moved_ms = context_.flows.now_ms();
  if (again) {
    flow_.timed_end = 0;  // Karn: which copy is acknowledged is not known
  } else if (flow_.timed_end == 0) {
    flow_.timed_end = flow_.snd.nxt();
    flow_.timed_ms = context_.flows.now_ms();
  }
  plan.outcome = again                      ? Outcome::flow_resent
                 : segment_.payload.empty() ? Outcome::flow_continued
                                            : Outcome::flow_answered;
}

void FlowRules::advance_ledger(std::uint32_t end, SeqNum ack, bool alone) noexcept {
  SeqNum next = flow_.base;
  if (before(ack + mss_, next)) return;  // rule 3; the client will echo what lies between, and the ACK follows
  std::uint32_t counted = flow_.base_end;
  for (std::size_t i = 0; i < flow_.count && counted < end; ++i) {
    const std::uint32_t counts = counted + flow_.parts[i].answer;
    const SeqNum past = next + flow_.parts[i].query;
    if (counts > flow_.snd.una() + kMaxRenderedAnswer) break;
    if (before(ack + mss_, past) && next != ack) break;
    next = past;
    counted = counts;
  }
  const bool acked = alone && ack == next;
  if (counted < flow_.ledger_end || (counted == flow_.ledger_end && !acked)) return;
  flow_.ledger_end = counted;
  flow_.ledger_next = next;
  stamp({counted & kOffsetMask, static_cast<std::uint16_t>(next.value() & kNextMask),
         !acked && flow_.prefix_consumed && ack == flow_.base, acked});
}

void FlowRules::stamp(const Ledger& ledger) noexcept {
  flow_.ts_val = ledger.encode(flow_.ts_val);
}

std::uint16_t FlowRules::window() const noexcept {
  const std::uint16_t window = context_.settings.window;
  return flow_.timestamps ? window : static_cast<std::uint16_t>(2 * window);
}

// RFC 9293 section 3.8.6.2.2: half a window and more than the client was told.
bool FlowRules::opens_window() const noexcept {
  const std::uint32_t window = this->window();
  return before(flow_.edge + window / 2, flow_.base + window);
}

// Our window ends where the buffer does, whatever was acknowledged of it.
std::uint16_t FlowRules::advertise(SeqNum ack) noexcept {
  std::uint16_t window = this->window();
  if (flow_.piece_acked() && before(flow_.base, ack)) {
    window = static_cast<std::uint16_t>(window - std::min<std::uint32_t>(window, ack - flow_.base));
  }
  flow_.edge = later_of(flow_.edge, ack + window);
  return window;
}

void FlowRules::control(Outcome outcome, std::uint8_t flags, std::uint32_t offset, SeqNum ack) noexcept {
  context_.plan.outcome = outcome;
  OutSegment& out = context_.build.segment(cookie_.isn + 1 + offset, ack, flags);
  out.window = advertise(ack);
  if (flow_.timestamps) context_.build.stamp(out, flow_.ts_val, flow_.ts_recent);
  if ((flags & kFin) != 0) flow_.fin_sent = true;
}

}  // namespace gl::tcp
