// What a remembered flow says where no answer goes out: acknowledgements, our FIN, RST.
#include <algorithm>

#include "lib/tcp/soft_state/flow_rules.h"

namespace gl::tcp {

void FlowRules::nothing_to_send() noexcept {
  flow_.release();  // the client may have read answers before that were rendered only now
  if (flow_.count == 0 && flow_.all_arrived()) return caught_up();
  if (acknowledge_progress() || hand_off_ledger()) return;
  if (segment_.window == 0 && !segment_.payload.empty()) return drop(Outcome::drop_zero_window);
  drop(segment_.payload.empty() ? Outcome::drop_ack_only : Outcome::flow_kept);
}

// Answers are on their way and nothing can follow them: perhaps because the client waits for room in our window.
bool FlowRules::acknowledge_progress() noexcept {
  if (flow_.timestamps && flow_.piece_acked()) return false;
  acknowledge_most();
  const std::uint32_t out = flow_.rcv_end() - flow_.acked;
  const std::uint32_t enough = std::min(mss_, out) / 2;
  const auto gained = [&](SeqNum ack) { return before(flow_.acked, ack) && ack - flow_.acked >= enough; };
  const SeqNum later = later_ack();
  const bool soon = gained(later);
  if (!soon && !gained(flow_.base)) return false;
  const SeqNum ack = soon ? later : flow_.base;
  if (flow_.timestamps) advance_ledger(flow_.snd.nxt(), ack, true);
  // What any segment may say goes behind all that is on its way, so that it is not too old when it comes.
  control(Outcome::acked_withheld, kAck, soon ? flow_.snd.nxt() : flow_.snd.una(), ack);
  flow_.acked = ack;
  return true;
}

// All that was sent has arrived, and no more may follow before the client has a later ledger.
bool FlowRules::waits_for_ledger() const noexcept {
  return flow_.timestamps && !flow_.piece_acked() && !flow_.snd.in_flight() &&
         flow_.covered_end + kMaxAhead <= flow_.snd.nxt();
}

bool FlowRules::hand_off_ledger() noexcept {
  if (!waits_for_ledger()) return false;
  advance_ledger(flow_.snd.nxt(), flow_.base, true);
  control(Outcome::acked_withheld, kAck, flow_.snd.una(), flow_.base);
  flow_.acked = later_of(flow_.acked, flow_.base);
  return true;
}

// Every answer has arrived.
void FlowRules::caught_up() noexcept {
  switch (stop_) {
    case Stop::pending:
      return context_.build.suspend(context_.answers.ticket());
    case Stop::malformed:
      return reset(Outcome::reset_malformed);
    case Stop::long_answer:
      return begin_bulk();
    case Stop::full:
      // Of that answer the client has read the beginning, which an entry sent that is gone.
      if (flow_.snd.una() != flow_.base_end) return reset(Outcome::reset_forgotten);
      control(Outcome::closed_full, kFin | kAck, flow_.snd.una(), later_of(flow_.acked, flow_.base));
      return evict();
    default:
      break;
  }
  const Bytes rest = flow_.unanswered();
  const Framed::Kind kind = rest.empty() ? Framed::Kind::incomplete
                                         : context_.service.next_request(rest, flow_.unanswered_lacks_prefix()).kind;
  // The client may have read the last answer before, without the FIN behind it.
  if (flow_.last_answered || (flow_.client_fin && kind != Framed::Kind::complete)) return close();
  if (!flow_.timestamps && kind != Framed::Kind::complete && !rest.empty() && before(later_ack(), flow_.rcv_end()))
    return acknowledge_piece();
  const bool settles = !flow_.piece_acked();
  if (kind == Framed::Kind::prefix_only && flow_.timestamps && settles && !flow_.prefix_consumed) {
    // `next` stays: with E unchanged it could wrap, and TSval would jump half the circle ahead of other replies.
    flow_.drop_front(context_.service.prefix_length());
    flow_.prefix_consumed = true;
    return acknowledge(Outcome::acked_prefix);
  }
  const bool told = !before(flow_.acked, flow_.base) && !opens_window() &&
                    (!flow_.timestamps || !settles ||
                     Ledger::decode(flow_.ts_val) == flow_.settled(context_.service.prefix_length()));
  if (!told) return acknowledge(Outcome::acked_withheld);
  if (kind == Framed::Kind::complete) {
    // Without room in its window, or before it has a later ledger: see hand_off_ledger().
    return flow_.snd_wnd == 0 ? drop(Outcome::drop_zero_window) : acknowledge(Outcome::acked_repeat);
  }
  drop(segment_.payload.empty() ? Outcome::drop_ack_only : Outcome::flow_kept);
}

void FlowRules::begin_bulk() noexcept {
  const auto size = static_cast<std::uint32_t>(context_.answers.long_request());
  BulkStart start{.first = cookie_.isn + 1 + flow_.snd.una(), .request = flow_.base};
  start.acked = later_of(later_of(flow_.acked, flow_.piece_ack), flow_.base);
  start.request_end = flow_.base + size;
  start.mss_class = cookie_.mss_class;
  start.client_fin = flow_.client_fin && flow_.buffered == size;
  if (flow_.timestamps) start.ts_val = bulk_ts_val(flow_.snd.una(), flow_.base, flow_.ts_val);
  if (!context_.begin_bulk(start)) return drop(Outcome::drop_bulk_full);
  evict();
}

void FlowRules::acknowledge(Outcome outcome) noexcept {
  const bool settles = flow_.all_arrived() && !flow_.piece_acked() && flow_.count == 0;
  SeqNum ack = later_ack();
  if (settles) {
    ack = later_of(flow_.acked, flow_.base);
    if (flow_.timestamps) settle();
  }
  control(outcome, kAck, flow_.snd.una(), ack);
  flow_.acked = later_of(flow_.acked, ack);
}

// Everything before `base` is answered, has arrived and is acknowledged.
void FlowRules::settle() noexcept {
  flow_.ledger_end = flow_.base_end;
  flow_.ledger_next = flow_.base;
  stamp(flow_.settled(context_.service.prefix_length()));
}

// The ledger stays where the query begins. A node without this entry sees bytes beyond that, again and again, and ends
// the connection; it never takes them for a query.
void FlowRules::acknowledge_piece() noexcept {
  if (flow_.timestamps && !flow_.piece_acked()) settle();
  flow_.acked = flow_.piece_ack = flow_.rcv_end();
  control(Outcome::acked_piece, kAck, flow_.snd.una(), flow_.acked);
}

// RFC 5681 section 4.2: at once, so that the client sends what is missing without waiting for its timer. Whether it
// permitted SACK is not remembered; who did not passes over the option (RFC 9293 section 3.1).
void FlowRules::acknowledge_gap() noexcept {
  SeqNum ack = flow_.piece_acked() ? later_ack() : flow_.base;
  if (flow_.timestamps && !flow_.piece_acked()) {
    flow_.all_arrived() ? settle() : advance_ledger(flow_.snd.nxt(), ack, true);
    ack = earlier_of(ack, flow_.ledger_next);
  }
  control(Outcome::acked_gap, kAck, flow_.snd.una(), ack);
  const std::uint32_t at = segment_.seq - flow_.base;
  for (std::size_t i = 0; i < flow_.island_count; ++i) {
    const Flow::Island& island = flow_.islands[i];
    if (at < island.begin || at >= island.end) continue;
    OutSegment& out = context_.plan.segments[0];
    out.has_sack = true;
    out.sack = {(flow_.base + island.begin).value(), (flow_.base + island.end).value()};
  }
}

void FlowRules::close() noexcept {
  if (flow_.timestamps && !flow_.piece_acked()) settle();
  flow_.acked = flow_.client_fin ? flow_.rcv_end() : later_of(flow_.piece_ack, flow_.base);
  flow_.client_fin_acked = flow_.client_fin;
  control(Outcome::fin_ack, kFin | kAck, flow_.snd.una(), flow_.acked + (flow_.client_fin ? 1u : 0u));
}

// Our FIN was sent, all before it has arrived.
void FlowRules::acknowledge_fin(SegmentClass segment) noexcept {
  const bool probe = segment == SegmentClass::probe;
  const bool asks = probe || !segment_.payload.empty() || context_.has(kFin);
  const bool owes = before(flow_.acked, flow_.base) || (flow_.client_fin && !flow_.client_fin_acked);
  const bool ours_arrived = ack_offset_ > flow_.answered_end;
  flow_.fin_arrived = flow_.fin_arrived || ours_arrived;
  if (!asks && !owes) return drop(Outcome::drop_ack_only);
  if (flow_.timestamps && !flow_.piece_acked()) settle();
  flow_.acked = flow_.client_fin ? flow_.rcv_end() : later_of(flow_.piece_ack, flow_.base);
  flow_.client_fin_acked = flow_.client_fin;
  const SeqNum past = flow_.acked + (flow_.client_fin ? 1u : 0u);
  if (!ours_arrived) return control(Outcome::fin_ack, kFin | kAck, flow_.answered_end, past);
  const Outcome outcome = probe ? Outcome::acked_keepalive : asks ? Outcome::acked_fin : Outcome::acked_withheld;
  control(outcome, kAck, flow_.answered_end + 1, past);
}

void FlowRules::reset(Outcome outcome) noexcept {
  context_.build.reset(outcome);
  evict();
}

void FlowRules::evict() noexcept {
  context_.flows.evict(flow_);
  evicted_ = true;
}

}  // namespace gl::tcp
