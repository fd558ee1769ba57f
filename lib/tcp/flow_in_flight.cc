// Answers are on their way: what may follow them, what is sent again, and what can be acknowledged meanwhile.
#include "lib/tcp/flow_rules.h"

#include <algorithm>

namespace gl::tcp {

bool FlowRules::in_flight(bool resend) noexcept {
  const std::uint32_t old_end = flow_.answered_end;
  answer_more();
  bool rendered_new = true;  // the stream holds the answers from old_end on
  if (gathered() && !resend && !flow_.closing) {
    if (refresh()) return true;
    rendered_new = false;
  }
  const std::uint32_t allowed =
      off_ + std::min({std::uint32_t{segment_.window}, flow_.window * segment_size_, may_be_ahead()});
  const std::uint32_t begin = resend ? off_ : std::max(flow_.sent_to, off_);
  const std::uint32_t end =
      clear_of_fin(begin, std::min({resend ? begin + segment_size_ : flow_.answered_end, flow_.answered_end, allowed}));
  if (begin >= end) return done(segment_.payload.empty() ? Outcome::drop_ack_only : Outcome::flow_kept);
  std::uint32_t stream_begin = old_end;
  if (begin < old_end || !rendered_new) {
    if (!render_all()) return changed();
    stream_begin = flow_.base_end;
  }
  // What begins at SEG.ACK hands the newest ledger over, and needs the ACK that belongs to it.
  const bool hands_over = begin == off_;
  const bool whole = off_ + segment_size_ >= flow_.counted_end && end >= flow_.counted_end;
  if (hands_over && Ledger::decode(flow_.stamp).acked && !whole) return done(Outcome::drop_ack_only);
  context_.plan.stream = context_.answers.bytes();
  const std::uint32_t sent = context_.build.range(
      {begin - stream_begin, end - stream_begin, cookie_.isn + 1 + begin, hands_over ? flow_.stamp_ack : flow_.safe_ack,
       flow_.safe_ack, flow_.stamp, segment_size_, flow_.closing && end == flow_.answered_end});
  flow_.sent_to = std::max(flow_.sent_to, stream_begin + sent);
  context_.plan.outcome = resend                     ? Outcome::flow_resent
                          : segment_.payload.empty() ? Outcome::flow_continued
                                                     : Outcome::flow_answered;
  return true;
}

bool FlowRules::gathered() const noexcept {
  // Answers are of different lengths; on the whole, as much of the queries has been answered as of the answers has
  // arrived.
  const std::uint64_t queries = flow_.answered - flow_.base;
  const std::uint64_t arrived = queries * (off_ - flow_.base_end) / (flow_.answered_end - flow_.base_end);
  const auto told = static_cast<std::int32_t>(flow_.stamp_ack - flow_.base);  // before `base` where its ACK is withheld
  return static_cast<std::int64_t>(arrived) - told > static_cast<std::int64_t>(segment_size_ / 2);
}

std::uint32_t FlowRules::may_be_ahead() const noexcept {
  const std::uint32_t ahead = (off_ - Ledger::decode(echo_).sent_end) & kOffsetMask;
  return ahead > kMaxAhead ? UINT32_MAX / 2 : kMaxAhead - ahead;
}

std::uint32_t FlowRules::clear_of_fin(std::uint32_t begin, std::uint32_t end) const noexcept {
  const std::uint32_t place = flow_.counted_end + 1;
  if (place <= begin || place > end || (place != end && (place - begin) % segment_size_ != 0)) return end;
  return std::max(begin, flow_.counted_end);
}

void FlowRules::answer_more() noexcept {
  AnswerStream& answers = context_.answers;
  answers.reset();
  const Bytes more = flow_.bytes_from(flow_.answered);
  // What the client's ledger does not count; it may not have taken over the newest.
  const std::uint32_t behind = (off_ - Ledger::decode(echo_).sent_end) & kOffsetMask;
  const std::uint32_t counted = behind <= kMaxAhead ? off_ - behind : flow_.counted_end;
  const std::uint32_t uncounted = flow_.answered_end - std::min(counted, flow_.counted_end);
  const std::uint32_t begun = flow_.answered_end - flow_.base_end;
  if (flow_.closing || more.empty() || uncounted >= kMaxAhead || begun >= kMaxAnswersPerSegment) return;
  context_.pipelined(cookie_);
  const std::size_t room = std::min({std::size_t{kMaxAhead - uncounted}, kMaxAnswersPerSegment - begun,
                                     std::size_t{context_.room(cookie_, flow_.answered_end)}});
  (void)answers.answer({more, flow_.answered, false, SIZE_MAX, room}, context_.service);
  const std::uint32_t end = flow_.answered_end + static_cast<std::uint32_t>(answers.size());
  // A FIN of ours goes with a counted answer only: then these wait until nothing is on its way.
  if (answers.queries() == 0 || answers.close_after() || context_.must_close(cookie_, end)) return answers.reset();
  flow_.answered = flow_.answered + static_cast<std::uint32_t>(answers.consumed());
  flow_.answered_end = end;
}

bool FlowRules::render_all() noexcept {
  AnswerStream& answers = context_.answers;
  answers.reset();
  const std::size_t count = flow_.answered - flow_.base;
  const Stop stop = answers.answer({flow_.bytes_from(flow_.base).first(count), flow_.base, flow_.bare, SIZE_MAX,
                                    kMaxAnswersRepeated, SIZE_MAX, kMaxAnswersRepeated},
                                   context_.service);
  return stop == Stop::end && answers.size() == flow_.answered_end - flow_.base_end;
}

bool FlowRules::changed() noexcept {
  context_.build.reset(Outcome::reset_changed);
  return forget();
}

bool FlowRules::refresh() noexcept {
  AnswerStream& answers = context_.answers;
  const Bytes kept = flow_.bytes_from(flow_.base).first(flow_.answered - flow_.base);
  std::size_t consumed = 0;
  std::uint32_t size = 0;
  answers.reset();
  while (answers.consumed() < kept.size()) {
    const Stop stop = answers.answer({kept, flow_.base, flow_.bare && answers.consumed() == 0, answers.consumed() + 1,
                                      kMaxAnswersRepeated, SIZE_MAX, kMaxAnswersRepeated},
                                     context_.service);
    if (stop != Stop::boundary) return changed();
    const SeqNum end = flow_.base + static_cast<std::uint32_t>(answers.consumed());
    if (flow_.base_end + answers.size() > off_ || end - flow_.safe_ack > segment_size_) continue;
    consumed = answers.consumed();
    size = static_cast<std::uint32_t>(answers.size());
  }
  if (flow_.base_end + answers.size() != flow_.answered_end) return changed();
  const std::uint32_t arrived = flow_.base_end + size;
  const bool withheld = !Ledger::decode(flow_.stamp).acked;
  if (arrived < flow_.counted_end || (arrived == flow_.counted_end && !withheld)) return false;  // it has been said
  context_.plan.stream = answers.bytes();
  const SeqNum base = flow_.base + static_cast<std::uint32_t>(consumed);
  const Ledger ledger{arrived, static_cast<std::uint16_t>(base.value() & kNextMask), false, true};
  const std::uint32_t begin = off_ - flow_.base_end;
  const std::uint32_t end = std::min(flow_.answered_end, off_ + segment_.window) - flow_.base_end;
  const std::uint32_t stamp = ledger.encode(flow_.stamp);
  const std::uint32_t sent = context_.build.range(
      {begin, std::min(end, begin + segment_size_), segment_.ack, base, flow_.safe_ack, stamp, segment_size_});
  if (context_.plan.count == 0) return done(Outcome::drop_zero_window);
  // One segment hands the ledger over. What is on its way behind it needs no repetition: the client would answer each
  // with a duplicate ACK.
  flow_.sent_to = std::max(flow_.sent_to, flow_.base_end + sent);
  const std::uint32_t rest = flow_.sent_to - flow_.base_end;
  const std::uint32_t last = std::min(end, begin + may_be_ahead());
  if (rest < last) {
    flow_.sent_to = flow_.base_end + context_.build.range({rest, last, cookie_.isn + 1 + flow_.sent_to, flow_.safe_ack,
                                                           flow_.safe_ack, stamp, segment_size_});
  }
  flow_.drop_before(base, arrived);
  sent_ledger(base, flow_.base_end);
  context_.plan.outcome = Outcome::flow_answered;
  return true;
}

}  // namespace gl::tcp
