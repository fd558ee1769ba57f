// What a segment brings that cannot be answered now, or not to the end: it becomes an entry of the flow cache, where
// there is one. Without it the client's timer brings all of it again.
#include <algorithm>

#include "lib/tcp/timestamp_rules.h"

namespace gl::tcp {
namespace {

// A piece of an answered query, by a client of which no more is known: beyond what a network duplicates.
constexpr std::uint8_t kAloneRepeats = 4;

}  // namespace

void TimestampRules::early_fin() noexcept {
  context_.build.drop(Outcome::drop_fin_early);
  if (!context_.flows.enabled()) return;
  Flow* flow = context_.flows.find(segment_.flow, cookie_.isn);
  if (flow == nullptr) {
    flow = &context_.flows.make(segment_.flow, cookie_.isn);
    flow->base = segment_.seq;
  }
  if (!flow->known && flow->kept_end() == segment_.seq) flow->fin = true;
}

void TimestampRules::keep_prefix() noexcept {
  Flow& flow = keep_query({}, segment_.seq + 2, true);
  flow.stamp = context_.plan.segments[0].timestamps.value;
  flow.safe_ack = segment_.seq;
}

void TimestampRules::beyond(bool is_bare) noexcept {
  context_.build.drop(Outcome::drop_beyond);
  context_.pipelined(cookie_);
  context_.answers.prepare(segment_.payload, segment_.seq, is_bare, context_.service);
  if (!context_.flows.enabled()) return;
  Flow* const old = context_.flows.find(segment_.flow, cookie_.isn);
  if (old != nullptr && !old->known && before(old->base, segment_.seq)) return;  // not next to what waits there
  if (old != nullptr && !old->known && old->base == segment_.seq && old->kept == segment_.payload.size()) {
    return repeated_alone(*old);
  }
  Flow& flow = context_.flows.make(segment_.flow, cookie_.isn);
  flow.base = segment_.seq;
  flow.bare = is_bare;
  flow.fin = context_.has(kFin);
  if (flow.keep(segment_.payload)) context_.build.drop(Outcome::flow_kept);
}

void TimestampRules::repeated_alone(Flow& flow) noexcept {
  context_.build.drop(Outcome::flow_kept);
  flow.fin = context_.has(kFin);
  flow.repeats = std::max(flow.repeats, static_cast<std::uint8_t>(flow.repeats + 1));
  if (flow.repeats >= 2 * kAloneRepeats) return context_.build.reset(Outcome::reset_stuck);
  if (flow.repeats < kAloneRepeats || !level() || ledger_.acked) return;
  const SeqNum past = segment_.seq + ((ledger_.next - segment_.seq.value()) & kNextMask);
  context_.build.control(Outcome::acked_repeat, kAck, past, acked());
}

Flow& TimestampRules::keep_query(Bytes payload, SeqNum seq, bool is_bare) noexcept {
  Flow& flow = context_.flows.make(segment_.flow, cookie_.isn);
  flow.known = true;
  flow.client_clock = segment_.timestamps->value;
  flow.stamp = segment_.timestamps->echo;
  flow.counted_end = flow.base_end = flow.answered_end = flow.sent_to = flow.last_off = ledger_.sent_end;
  flow.base = flow.answered = flow.stamp_ack = flow.safe_ack = seq;
  flow.bare = is_bare;
  (void)flow.keep(payload);  // a segment fits: it was within our window
  return flow;
}

Flow& TimestampRules::pace(const Start& start, std::uint32_t sent_end, SeqNum past) noexcept {
  const OutSegment& last = context_.plan.segments[context_.plan.count - 1u];
  Flow& flow = keep_query(segment_.payload.subspan(start.seq - segment_.seq), start.seq, start.bare);
  flow.stamp = last.timestamps.value;
  flow.answered = past;
  flow.answered_end = flow.counted_end = sent_end;
  flow.sent_to = flow.base_end + last.offset + last.length;
  flow.last_off = cookie_.off;
  flow.fin = context_.has(kFin);
  return flow;
}

}  // namespace gl::tcp
