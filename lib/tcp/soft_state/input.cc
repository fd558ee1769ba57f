// A segment of a remembered flow comes in: what it is, what it adds, and what the table says to that.
#include <algorithm>
#include <cstdlib>

#include "lib/tcp/soft_state/flow_rules.h"

namespace gl::tcp {
namespace {

// A repetition is a timer's only after a round trip and a half without any progress; before one was measured, after
// this. Linux waits for 200 ms at least.
constexpr std::uint32_t kUnknownRoundTripMs = 150;
constexpr std::uint32_t kClockGrainMs = 10;

}  // namespace

FlowRules::FlowRules(RuleContext& context, const Accepted& cookie, Flow& flow) noexcept
    : context_(context),
      segment_(context.segment),
      cookie_(cookie),
      flow_(flow),
      ack_offset_(cookie.ack_offset),
      echo_(flow.timestamps ? segment_.timestamps->echo : 0),
      mss_(context.build.segment_size(cookie.mss_class)) {}

bool FlowRules::receive() noexcept {
  if (flow_.state == FlowState::unsynchronized && ledger_is_at(flow_.base)) learn_from_ledger();
  SegmentClass segment = classify();
  Action action;
  if (flow_.state == FlowState::unsynchronized || segment == SegmentClass::ahead || segment == SegmentClass::foreign) {
    action = decide(flow_.state, segment, {.timestamps = flow_.timestamps, .stuck = is_stuck(segment)});
    if (action == Action::keep && !take(segment)) action = Action::ignore;
  } else {
    const bool again = sent_anew();
    const std::uint32_t una = flow_.snd.una();
    note_acknowledgement(segment);
    flow_.release();  // first: the segment may fill the window to the place that this very acknowledgement frees
    // Behind our FIN nothing is answered any more: only the client's FIN is awaited.
    if ((!flow_.fin_sent || segment == SegmentClass::fin) && !take(segment)) segment = SegmentClass::gap;
    update_state();
    Circumstances is = circumstances(segment, again);
    is.advanced = una != flow_.snd.una() || !flow_.snd.in_flight();
    action = decide(flow_.state, segment, is);
  }
  return apply(action, segment);
}

// A segment ends no further than our window behind what was acknowledged. One that ends further behind `seq` is of a
// time when the ledger's 12 bits mean the place 4096 bytes on: the entry has been passed by.
bool FlowRules::ledger_is_at(SeqNum seq) const noexcept {
  const SeqNum end = segment_.seq + static_cast<std::uint32_t>(segment_.payload.size());
  if (distance(seq, end) > context_.settings.window) return false;
  const Ledger ledger = Ledger::decode(echo_);
  return ledger.is_next(seq, context_.service.prefix_length()) && ledger.sent_end == (ack_offset_ & kOffsetMask);
}

void FlowRules::learn_from_ledger() noexcept {
  flow_.synchronize(ack_offset_, ack_offset_);
  flow_.prefix_consumed = Ledger::decode(echo_).prefix_consumed();
  flow_.ts_val = echo_;
  flow_.ts_recent = segment_.timestamps->value;
  flow_.acked = flow_.ledger_next = flow_.covered = flow_.base;
}

// Older than a segment that came already: it was overtaken, or waited for an answer.
bool FlowRules::is_older() const noexcept {
  return flow_.timestamps && static_cast<std::int32_t>(segment_.timestamps->value - flow_.ts_recent) < 0;
}

// The client has a later ledger than the entry's: it was answered without.
bool FlowRules::has_gone_on() const noexcept {
  if (flow_.state != FlowState::unsynchronized) return static_cast<std::int32_t>(echo_ - flow_.ts_val) > 0;
  // Further from what waits than our window reaches, the ledger's 12 bits would take that for the next query.
  if (segment_.seq - flow_.base + kNextMask > 2 * kNextMask) return true;
  return before(flow_.base, segment_.seq) &&
         Ledger::decode(echo_).is_next(segment_.seq, context_.service.prefix_length());
}

SegmentClass FlowRules::classify() const noexcept {
  if (flow_.timestamps && has_gone_on()) return SegmentClass::ahead;
  // A segment of this connection is never further away from what is buffered: the window that we advertise, twice.
  const auto far_away = static_cast<std::int32_t>(2 * flow_.capacity());
  if (std::abs(distance(flow_.rcv_end(), segment_.seq)) > far_away) return SegmentClass::foreign;
  const bool synchronized = flow_.state != FlowState::unsynchronized;
  if (synchronized && ack_offset_ > flow_.snd.nxt() + (flow_.fin_sent ? 1u : 0u)) return SegmentClass::ahead;
  if (segment_.resumed && synchronized) return SegmentClass::resumed;
  if (!segment_.payload.empty() || context_.has(kFin)) return classify_bytes();
  return classify_acknowledgement();
}

SegmentClass FlowRules::classify_bytes() const noexcept {
  const std::int32_t from = distance(flow_.rcv_end(), segment_.seq);
  const auto size = static_cast<std::int32_t>(segment_.payload.size());
  const bool fin = context_.has(kFin);
  if (from > 0) return flow_.client_fin && from == 1 ? SegmentClass::repeated_data : SegmentClass::gap;
  if (flow_.client_fin || from + size + (fin ? 1 : 0) <= 0) return SegmentClass::repeated_data;
  if (from + size == 0) return SegmentClass::fin;
  return from == 0 ? SegmentClass::new_data : SegmentClass::partial_repeat;
}

SegmentClass FlowRules::classify_acknowledgement() const noexcept {
  if (flow_.state == FlowState::unsynchronized) return SegmentClass::ack;
  const std::uint32_t una = flow_.snd.una();
  if (flow_.fin_sent && ack_offset_ == flow_.snd.nxt() + 1 && segment_.seq + 1 == flow_.rcv_end())
    return SegmentClass::probe;
  if (ack_offset_ < una) return SegmentClass::stale;
  if (ack_offset_ > una) return SegmentClass::ack;
  if (segment_.seq + 1 == flow_.rcv_end() && flow_.all_arrived()) return SegmentClass::probe;
  if (!flow_.snd.in_flight() || segment_.window != flow_.snd_wnd) return SegmentClass::window_update;
  return SegmentClass::duplicate_ack;
}

void FlowRules::note_echo() noexcept {
  flow_.ts_recent = segment_.timestamps->value;
  const Ledger echoed = Ledger::decode(echo_);
  const SeqNum counted = flow_.ledger_next - ((flow_.ledger_next.value() - echoed.next) & kNextMask);
  const SeqNum next = counted + (echoed.prefix_consumed() ? context_.service.prefix_length() : 0u);
  const std::uint32_t end = flow_.ledger_end - ((flow_.ledger_end - echoed.sent_end) & kOffsetMask);
  if (before(flow_.covered, next)) flow_.covered = next;
  if (static_cast<std::int32_t>(end - flow_.covered_end) > 0) flow_.covered_end = end;
}

void FlowRules::note_acknowledgement(SegmentClass segment) noexcept {
  if (flow_.timestamps && !is_older()) note_echo();
  const std::uint32_t una = flow_.snd.una();
  if (ack_offset_ < una) return;
  if (!is_older()) flow_.snd_wnd = segment_.window;
  std::array<Range, wire::SackBlocks::kMost> sacked;
  std::size_t count = 0;
  for (const auto& block : segment_.sack.view()) {
    sacked[count++] = {block.begin - 1 - cookie_.isn.value(), block.end - 1 - cookie_.isn.value()};
  }
  const std::uint32_t acked = std::min(ack_offset_, flow_.snd.nxt());  // without our FIN
  flow_.snd.acknowledge(acked, std::span(sacked).first(count), segment == SegmentClass::duplicate_ack, mss_);
  if (acked == una) {
    if (context_.flows.now_ms() - flow_.resent_ms >= patience_ms()) flow_.snd.resend_head();
    return;
  }
  flow_.moved_ms = context_.flows.now_ms();
  flow_.repeats = 0;
  if (flow_.timed_end == 0 || acked < flow_.timed_end) return;
  const std::uint32_t sample = std::min<std::uint32_t>(context_.flows.now_ms() - flow_.timed_ms, 0xffff);
  flow_.min_rtt_ms =
      static_cast<std::uint16_t>(flow_.rtt_known ? std::min<std::uint32_t>(flow_.min_rtt_ms, sample) : sample);
  flow_.rtt_known = true;
  flow_.timed_end = 0;
}

// Kept or not: a client that repeats it again and again has nothing before it to repeat. One without timestamps, which
// would get a RST, may probe with it while what is missing is lost time after time.
bool FlowRules::is_stuck(SegmentClass segment) noexcept {
  if (segment != SegmentClass::gap) return false;
  const bool probes = !flow_.timestamps && flow_.island_count > 0;
  return context_.flows.count_stray(flow_.key, segment_.seq) > (probes ? kStuckProbes : kStuckRepeats);
}

// The copies that a network makes have one time of the client between them.
bool FlowRules::sent_anew() const noexcept {
  return !flow_.timestamps || static_cast<std::int32_t>(segment_.timestamps->value - flow_.data_ts) > 0;
}

std::uint32_t FlowRules::patience_ms() const noexcept {
  return flow_.rtt_known ? flow_.min_rtt_ms + flow_.min_rtt_ms / 2u + kClockGrainMs : kUnknownRoundTripMs;
}

bool FlowRules::take(SegmentClass segment) noexcept {
  if (flow_.timestamps && !segment_.payload.empty() && sent_anew()) flow_.data_ts = segment_.timestamps->value;
  switch (segment) {
    case SegmentClass::new_data:
    case SegmentClass::partial_repeat: {
      const std::uint32_t known = flow_.rcv_end() - segment_.seq;
      if (!flow_.store(flow_.buffered, segment_.payload.subspan(known))) return false;
      break;
    }
    case SegmentClass::gap:
      if (!flow_.store(segment_.seq - flow_.base, segment_.payload)) return false;
      break;
    case SegmentClass::fin:
      break;
    default:
      return true;
  }
  if (context_.has(kFin)) flow_.end_at(segment_.seq + static_cast<std::uint32_t>(segment_.payload.size()) - flow_.base);
  flow_.repeats = 0;
  return true;
}

void FlowRules::update_state() noexcept {
  if (flow_.fin_sent) {
    flow_.state = FlowState::closing;
  } else if (flow_.piece_acked()) {
    flow_.state = FlowState::partial_acked;
  } else {
    flow_.state = flow_.all_arrived() ? FlowState::idle : FlowState::in_flight;
  }
}

Circumstances FlowRules::circumstances(SegmentClass segment, bool again) noexcept {
  Circumstances is;
  is.timestamps = flow_.timestamps;
  const std::uint32_t quiet = context_.flows.now_ms() - flow_.moved_ms;
  is.again = again && quiet >= std::min(patience_ms(), kUnknownRoundTripMs);
  is.from_timer = again && quiet >= patience_ms();
  is.all_arrived = flow_.all_arrived();
  is.missed_ack = before(segment_.seq, flow_.base);
  const SeqNum end = segment_.seq + static_cast<std::uint32_t>(segment_.payload.size());
  const bool answers_ended = flow_.fin_sent && ack_offset_ > flow_.answered_end;
  is.too_late = answers_ended && !segment_.payload.empty() && before(flow_.answered_seq(), end);
  const Bytes rest = flow_.unanswered();
  if (!rest.empty() && !flow_.last_answered) {
    const Framed framed = context_.service.next_request(rest, flow_.unanswered_lacks_prefix());
    const bool incomplete = framed.kind == Framed::Kind::incomplete || framed.kind == Framed::Kind::prefix_only;
    is.due = !incomplete;
    is.piece = incomplete && is.all_arrived && flow_.answered == 0 && !flow_.client_fin;
  }
  is.due = is.due || ((flow_.client_fin || flow_.last_answered) && !flow_.fin_sent);
  is.stuck = is_stuck(segment);
  return is;
}

bool FlowRules::apply(Action action, SegmentClass segment) noexcept {
  if (flow_.timestamps && action != Action::stateless && action != Action::evict &&
      flow_.state != FlowState::unsynchronized) {
    context_.build.stamp_from(flow_.ts_val);
  }
  switch (action) {
    case Action::retransmit:
      flow_.snd.time_out(mss_);
      flow_.moved_ms = context_.flows.now_ms();
      flow_.timed_end = 0;
      answer();
      break;
    case Action::answer:
      answer();
      break;
    case Action::acknowledge:
      acknowledge(segment == SegmentClass::probe ? Outcome::acked_keepalive : Outcome::acked_repeat);
      break;
    case Action::acknowledge_piece:
      acknowledge_piece();
      break;
    case Action::acknowledge_gap:
      acknowledge_gap();
      break;
    case Action::acknowledge_fin:
      acknowledge_fin(segment);
      break;
    case Action::keep:
      drop(Outcome::flow_kept);
      break;
    case Action::ignore:
      drop(segment_.payload.empty() ? Outcome::drop_ack_only : Outcome::drop_beyond);
      break;
    case Action::stateless:
      return false;
    case Action::evict:
      evict();
      return false;
    case Action::reset:
      reset(flow_.fin_sent ? Outcome::reset_stale : Outcome::reset_forgotten);
      break;
  }
  if (evicted_) return true;
  if (flow_.state != FlowState::unsynchronized) update_state();
  context_.flows.touch(flow_);
  return true;
}

bool answer_from_flow(RuleContext& context, const Accepted& cookie, Flow& flow) noexcept {
  return FlowRules(context, cookie, flow).receive();
}

}  // namespace gl::tcp
