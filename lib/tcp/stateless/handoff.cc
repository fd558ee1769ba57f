// What a segment brings that cannot be answered at once, or not to the end, becomes an entry of soft state. Without one
// the client's timer brings all of it again.
#include <algorithm>

#include "lib/tcp/soft_state/flow_rules.h"
#include "lib/tcp/stateless/timestamp_rules.h"

namespace gl::tcp {
namespace {

// A piece of an answered query, by a client of which no more is known: beyond what a network duplicates, and beyond
// what a tail loss probe repeats.
constexpr std::uint8_t kAloneRepeats = 3;

// So often the same piece of a query comes, the last time by the client's timer: beyond a tail loss probe (RFC 8985
// section 7), behind which more may still follow.
constexpr unsigned kPieceTimes = 3;

}  // namespace

bool TimestampRules::open_flow(std::size_t skip, bool lacks_prefix, std::uint32_t end,
                               std::uint32_t ledger_end) noexcept {
  Flow* flow = context_.flows.find(segment_.flow, cookie_.isn);
  if (flow != nullptr && flow->state == FlowState::unsynchronized) {
    const Flow overtook = *flow;
    FlowRules(context_, cookie_, *flow).open(skip, lacks_prefix, end, ledger_end, &overtook);
    return true;
  }
  flow = context_.flows.make(segment_.flow, cookie_.isn, true);
  if (flow == nullptr) return false;
  FlowRules(context_, cookie_, *flow).open(skip, lacks_prefix, end, ledger_end);
  return true;
}

void RuleContext::drop_piece() noexcept {
  build.drop(Outcome::drop_incomplete);
  if (flows.count_stray(segment.flow, segment.seq) >= kPieceTimes) reset_unknown(Outcome::reset_incomplete);
}

void RuleContext::note_piece(SeqNum seq) noexcept {
  if (!flows.enabled()) flows.note_stray(segment.flow, seq);
}

void TimestampRules::keep_piece() noexcept {
  Flow* const flow = context_.flows.find(segment_.flow, cookie_.isn);
  if (flow == nullptr || context_.plan.count > 0) return;
  if (context_.flows.count_stray(segment_.flow, segment_.seq) == 1) return;
  FlowRules(context_, cookie_, *flow).acknowledge_kept();
}

void TimestampRules::early_fin() noexcept {
  context_.build.drop(Outcome::drop_fin_early);
  if (!context_.flows.enabled() || context_.flows.find(segment_.flow, cookie_.isn) != nullptr) return;
  Flow* const flow = context_.flows.make(segment_.flow, cookie_.isn, true);
  if (flow == nullptr) return;
  FlowRules(context_, cookie_, *flow).open_unsynchronized(false);
  context_.build.drop(Outcome::drop_fin_early);
}

void TimestampRules::beyond(bool lacks_prefix) noexcept {
  context_.build.drop(Outcome::drop_beyond);
  context_.pipelined(cookie_);
  context_.answers.prepare(segment_.payload, segment_.seq, lacks_prefix, context_.service);
  if (!context_.flows.enabled()) return;
  if (Flow* const old = context_.flows.find(segment_.flow, cookie_.isn); old != nullptr) {
    // Also behind the beginning of what waits there: that may have been acknowledged by an instance that is gone.
    const std::uint32_t end = segment_.seq + static_cast<std::uint32_t>(segment_.payload.size()) - old->base;
    if (!before(segment_.seq, old->base) && end <= old->buffered) return repeated_alone(*old);
    if (before(old->base, segment_.seq)) return;  // not next to what waits there
  }
  if (const FlowTable::Recent* const recent = pipelined_behind(); recent != nullptr) {
    if (Flow* const flow = context_.flows.make(segment_.flow, cookie_.isn, true); flow != nullptr) {
      return FlowRules(context_, cookie_, *flow).open_behind(*recent);
    }
  }
  Flow* const flow = context_.flows.make(segment_.flow, cookie_.isn, true);
  if (flow != nullptr) FlowRules(context_, cookie_, *flow).open_unsynchronized(lacks_prefix);
  if (flow == nullptr || context_.flows.crowded()) [[unlikely]]
    count_alone(flow);
}

// Where entries are taken away none of them lives to count what its client repeats.
void TimestampRules::count_alone(Flow* flow) noexcept {
  if (context_.flows.count_stray(segment_.flow, segment_.seq) <= kStuckRepeats) return;
  if (flow != nullptr) context_.flows.evict(*flow);
  context_.build.reset(Outcome::reset_forgotten);
}

const FlowTable::Recent* TimestampRules::pipelined_behind() const noexcept {
  const FlowTable::Recent* const recent = context_.flows.recent(cookie_.isn);
  if (recent == nullptr || recent->seq + recent->length != segment_.seq) return nullptr;
  const bool echoes_before = is_next(recent->seq) && ledger_.sent_end == recent->end - recent->answer;
  const bool may_miss_it = recent->end - cookie_.ack_offset <= recent->answer;
  return echoes_before && may_miss_it && !ledger_.prefix_consumed() ? recent : nullptr;
}

void TimestampRules::repeated_alone(Flow& flow) noexcept {
  context_.build.drop(Outcome::flow_kept);
  if (static_cast<std::int32_t>(segment_.timestamps->value - flow.ts_recent) <= 0) return;
  flow.ts_recent = segment_.timestamps->value;
  const std::uint32_t counted = (ledger_.next - segment_.seq.value()) & kNextMask;
  // A length prefix alone, of a query that was answered: its message follows, and shows the place.
  const Framed framed = context_.service.next_request(segment_.payload, false);
  const bool in_front = counted > 0 && counted <= context_.build.segment_size(cookie_.mss_class);
  if (framed.kind == Framed::Kind::prefix_only && in_front) {
    context_.flows.evict(flow);
    return context_.build.control(Outcome::acked_prefix, kAck, segment_.seq + context_.service.prefix_length(),
                                  ledger_);
  }
  if (++flow.repeats < kAloneRepeats) return;
  // All answers have arrived, and the client has nothing before this piece to repeat: it is the beginning of a query
  // that was answered, and `next` is behind it.
  if (gap_ == 0 && !ledger_.acked && in_front) {
    const SeqNum past = segment_.seq + counted;
    return context_.build.control(Outcome::acked_repeat, kAck, past, acked());
  }
  // Nobody has what comes before it any more.
  context_.flows.evict(flow);
  context_.build.reset(Outcome::reset_forgotten);
}

}  // namespace gl::tcp
