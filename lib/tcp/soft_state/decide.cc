#include "lib/tcp/soft_state/decide.h"

namespace gl::tcp {
namespace {

using enum Action;

Action unsynchronized(SegmentClass segment, const Circumstances& is) noexcept {
  switch (segment) {
    case SegmentClass::gap:
      return is.stuck ? evict : keep;
    case SegmentClass::new_data:
    case SegmentClass::fin:
      return keep;
    default:
      return stateless;
  }
}

// The client's timer has repeated what its answers would acknowledge.
bool lost_all(const Circumstances& is) noexcept {
  return is.from_timer && !is.all_arrived && !is.advanced;
}

Action repeated(const Circumstances& is) noexcept {
  if (lost_all(is)) return retransmit;
  if (!is.all_arrived) return is.advanced ? answer : keep;
  if (is.due) return answer;
  // One who begins with bytes that were acknowledged is not stuck with the piece behind them.
  if (is.piece && is.again && !is.missed_ack) return acknowledge_piece;
  return acknowledge;
}

Action open(FlowState state, SegmentClass segment, const Circumstances& is) noexcept {
  switch (segment) {
    case SegmentClass::new_data:
    case SegmentClass::partial_repeat:
      // The piece of a client that is known to be stuck, or that carries no ledger which a piece could harm.
      if (is.piece && (state == FlowState::partial_acked || !is.timestamps)) return acknowledge_piece;
      if (segment == SegmentClass::partial_repeat && lost_all(is)) return retransmit;
      return is.missed_ack && is.all_arrived && !is.due ? acknowledge : answer;
    case SegmentClass::repeated_data:
      if (is.piece && state == FlowState::partial_acked) return acknowledge_piece;
      return repeated(is);
    case SegmentClass::gap:
      if (is.advanced && !is.all_arrived) return answer;
      return is.stuck ? (is.timestamps ? evict : reset) : acknowledge_gap;
    case SegmentClass::probe:
      return acknowledge;
    default:  // fin, ack, duplicate_ack, window_update, resumed
      return answer;
  }
}

// Our FIN was sent.
Action closing(SegmentClass segment, const Circumstances& is) noexcept {
  const bool more = segment == SegmentClass::new_data || segment == SegmentClass::partial_repeat;
  if (!is.all_arrived) {
    if (segment == SegmentClass::new_data) return ignore;
    // What it goes on with is ignored, what it repeats is not.
    const bool partly = segment == SegmentClass::partial_repeat;
    return open(FlowState::in_flight, partly ? SegmentClass::repeated_data : segment, is);
  }
  // Of a client with timestamps the ledger tells whether our FIN is missing.
  if (is.timestamps && (more || is.too_late)) return evict;
  if (is.too_late) return reset;
  return segment == SegmentClass::gap ? ignore : acknowledge_fin;
}

}  // namespace

Action decide(FlowState state, SegmentClass segment, const Circumstances& is) noexcept {
  switch (segment) {
    case SegmentClass::ahead:
    case SegmentClass::foreign:
      return is.timestamps ? evict : stateless;
    case SegmentClass::stale:
      return ignore;
    default:
      break;
  }
  switch (state) {
    case FlowState::unsynchronized:
      return unsynchronized(segment, is);
    case FlowState::closing:
      return closing(segment, is);
    default:
      return open(state, segment, is);
  }
}

}  // namespace gl::tcp
