// The client has every answer: the same as without an entry, but for queries that were kept.
#include "lib/tcp/flow_rules.h"

#include <algorithm>

namespace gl::tcp {

bool FlowRules::caught_up() noexcept {
  if (flow_.closing) {  // only our FIN is missing: the ledger tells, but where a piece comes again
    const bool nothing = segment_.payload.empty() && !context_.has(kFin) && Ledger::decode(flow_.stamp).acked;
    return nothing ? done(Outcome::drop_ack_only) : give_up();
  }
  flow_.drop_before(flow_.answered, flow_.answered_end);
  if (flow_.kept == 0) return idle();
  const Stop stop = render_next();
  if (context_.answers.queries() > 0) return send_counted();
  return nothing_complete(stop);
}

bool FlowRules::idle() noexcept {
  if (flow_.fin) return close(flow_.base + 1);
  const Ledger ledger = settled();
  if (flow_.stamp_ack == flow_.base && Ledger::decode(flow_.stamp) == ledger) return done(Outcome::drop_ack_only);
  return acknowledge(Outcome::acked_withheld, ledger);
}

bool FlowRules::close(SeqNum past) noexcept {
  context_.build.control(Outcome::fin_ack, kFin | kAck, past, settled());
  sent_ledger(past, flow_.base_end);
  flow_.closing = true;
  return true;
}

bool FlowRules::close_again() noexcept {
  context_.build.control(Outcome::fin_ack, kFin | kAck, flow_.stamp_ack, Ledger::decode(flow_.stamp));
  return true;
}

Ledger FlowRules::settled() const noexcept {
  const std::uint32_t next = flow_.base.value() - (flow_.bare ? 2u : 0u);
  return Ledger{flow_.base_end & kOffsetMask, static_cast<std::uint16_t>(next & kNextMask), flow_.bare, true};
}

bool FlowRules::acknowledge(Outcome outcome, const Ledger& ledger) noexcept {
  context_.build.control(outcome, kAck, flow_.base, ledger);
  sent_ledger(flow_.base, flow_.base_end);
  return true;
}

void FlowRules::sent_ledger(SeqNum ack, std::uint32_t end) noexcept {
  flow_.stamp = context_.plan.segments[0].timestamps.value;
  flow_.stamp_ack = ack;
  flow_.counted_end = end;
}

Stop FlowRules::render_next() noexcept {
  AnswerStream& answers = context_.answers;
  const std::uint32_t room = context_.room(cookie_, flow_.base_end);
  const Bytes kept = flow_.bytes_from(flow_.base);
  answers.reset();
  const Stop stop = answers.answer(
      {kept.first(std::min<std::size_t>(kept.size(), segment_size_)), flow_.base, flow_.bare, SIZE_MAX, room},
      context_.service);
  if (answers.queries() > 0 || kept.size() <= segment_size_ || stop == Stop::pending) return stop;
  answers.reset();
  return answers.answer({kept, flow_.base, flow_.bare, 1, room}, context_.service);
}

bool FlowRules::send_counted() noexcept {
  AnswerStream& answers = context_.answers;
  const auto consumed = static_cast<std::uint32_t>(answers.consumed());
  const auto size = static_cast<std::uint32_t>(answers.size());
  const std::uint32_t end = flow_.base_end + size;
  const SeqNum past = flow_.base + consumed;
  const bool last =
      flow_.fin && consumed == flow_.kept && size <= std::min<std::uint32_t>(segment_size_, segment_.window);
  if (answers.queries() > 1 || consumed != flow_.kept) context_.pipelined(cookie_);
  AnswerSegments how;
  how.ack_all = last ? past + 1 : past;
  how.ack_none = flow_.base;
  how.ack_early = flow_.safe_ack;
  how.ledger.sent_end = end;
  how.ledger.next = static_cast<std::uint16_t>(past.value() & kNextMask);
  how.bare = flow_.bare;
  how.mss_class = cookie_.mss_class;
  how.fin = last || answers.close_after() || context_.must_close(cookie_, end);
  const bool whole = context_.build.answer(answers.bytes(), how);
  if (context_.plan.count == 0) return done(Outcome::drop_zero_window);
  context_.plan.outcome = Outcome::flow_answered;
  const OutSegment& sent = context_.plan.segments[context_.plan.count - 1u];
  flow_.closing = how.fin;
  sent_ledger(whole ? how.ack_all : flow_.base, end);
  flow_.answered = past;
  flow_.answered_end = end;
  flow_.sent_to = flow_.base_end + sent.offset + sent.length;
  return true;
}

bool FlowRules::nothing_complete(Stop stop) noexcept {
  if (stop == Stop::pending) return done(Outcome::parked);
  if (stop == Stop::malformed) {
    context_.build.reset(Outcome::reset_malformed);
    return forget();
  }
  if (stop == Stop::full) {
    context_.build.control(Outcome::closed_full, kFin | kAck, flow_.base, settled());
    return forget();
  }
  if (flow_.fin) return close(flow_.kept_end() + 1);
  if (stop == Stop::prefix_only && !flow_.bare) {
    Ledger ledger = settled();
    ledger.prefix = true;
    flow_.base = flow_.answered = flow_.base + 2;
    flow_.kept = 0;
    flow_.bare = true;
    return acknowledge(Outcome::acked_prefix, ledger);
  }
  // The beginning of a query: what comes before it is the client's to forget.
  const Ledger ledger = settled();
  if (Ledger::decode(flow_.stamp) != ledger) return acknowledge(Outcome::acked_withheld, ledger);
  return done(Outcome::flow_kept);
}

}  // namespace gl::tcp
