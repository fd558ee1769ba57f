// A segment of a remembered flow comes in: whether its entry still fits, and what it adds.
#include "lib/tcp/flow_rules.h"

#include <algorithm>
#include <utility>

namespace gl::tcp {
namespace {

constexpr std::uint16_t kLargestWindow = 256;  // segments in flight at most; the client's window is below 64 KiB anyway
constexpr std::uint8_t kDuplicateThreshold = 3;  // RFC 5681 section 3.2

}  // namespace

bool FlowRules::apply() noexcept {
  if (flow_.isn != cookie_.isn) return give_up();
  if (!flow_.known) {
    if (passed_by()) return give_up();
    if (!ledger_is_at(flow_.base)) return wait();
    learn();
  }
  // Overtaken, or taken up again when the client has gone further.
  const bool asks_nothing = segment_.payload.empty() || segment_.resumed;
  if (off_ < flow_.base_end && (asks_nothing || is_near())) {
    return done(asks_nothing ? Outcome::drop_ack_only : Outcome::drop_beyond);
  }
  if (flow_.held && !is_near()) return give_up();
  if (flow_.held && overtaken() && (off_ <= flow_.answered_end || ahead())) {
    context_.build.stamp_from(flow_.stamp);
    return held();
  }
  if (!flow_.held && is_from_held()) return done(Outcome::drop_ack_only);
  if (!in_step()) return give_up();
  if (flow_.held && note_ledger() && !in_step()) return give_up();
  if (echo_ == flow_.stamp) flow_.safe_ack = flow_.stamp_ack;
  context_.build.stamp_from(flow_.stamp);
  if (flow_.held) return held();
  if (ahead()) return piece_ahead();
  return segment_.payload.empty() ? (context_.has(kFin) ? fin() : acknowledgement()) : data();
}

bool FlowRules::give_up() noexcept {
  context_.build.stamp_from(echo_);
  context_.flows.forget(flow_.key, flow_.isn);
  return false;
}

bool FlowRules::forget() noexcept {
  context_.flows.forget(flow_.key, flow_.isn);
  return true;
}

bool FlowRules::done(Outcome outcome) noexcept {
  context_.build.drop(outcome);
  return true;
}

bool FlowRules::passed_by() const noexcept {
  if (segment_.seq - flow_.base + kNextMask > 2 * kNextMask) return true;
  return before(flow_.base, segment_.seq) && ledger_is_at(segment_.seq);  // answered without the entry
}

bool FlowRules::ledger_is_at(SeqNum seq) const noexcept {
  const Ledger ledger = Ledger::decode(echo_);
  return ledger.is_next(seq) && ledger.sent_end == (off_ & kOffsetMask);
}

void FlowRules::learn() noexcept {
  const Ledger ledger = Ledger::decode(echo_);
  flow_.known = true;
  flow_.client_clock = segment_.timestamps->value;
  flow_.bare = ledger.bare();
  flow_.stamp = echo_;
  flow_.counted_end = flow_.base_end = flow_.answered_end = flow_.sent_to = flow_.last_off = off_;
  flow_.answered = flow_.stamp_ack = flow_.safe_ack = flow_.base;
}

bool FlowRules::wait() noexcept {
  if (segment_.payload.empty() || segment_.seq != flow_.kept_end() || flow_.fin) return false;
  if (ledger_is_at(segment_.seq)) return give_up();  // it is the next one: what was kept has been answered without us
  if (!flow_.keep(segment_.payload)) return done(Outcome::drop_beyond);
  flow_.fin = context_.has(kFin);
  return done(Outcome::flow_kept);
}

bool FlowRules::in_step() const noexcept {
  if (off_ < flow_.base_end || static_cast<std::int32_t>(echo_ - flow_.stamp) > 0) return false;
  return off_ <= flow_.answered_end || ahead();
}

bool FlowRules::ahead() const noexcept {
  if (off_ <= flow_.answered_end) return false;
  if (flow_.held) return off_ - flow_.base_end <= kMaxAnswersRepeated;
  return flow_.base == flow_.answered && flow_.kept > 0 && echo_ == flow_.stamp && off_ - flow_.base_end <= kMaxAhead;
}

bool FlowRules::is_near() const noexcept {
  constexpr std::uint32_t kNear = 2 * kKeptBytes;
  return (segment_.seq + kNear) - flow_.base <= 2 * kNear;
}

bool FlowRules::data() noexcept {
  const std::uint32_t distance = segment_.seq - flow_.kept_end();
  // It has waited for an answer; what it brought is kept.
  if (distance >= 0x80000000u && segment_.resumed && segment_.seq - flow_.base < 0x80000000u) {
    return off_ == flow_.answered_end ? caught_up() : in_flight(false);
  }
  if (distance >= 0x80000000u) return repeated();
  if (distance != 0 || flow_.fin) return ledger_is_at(segment_.seq) ? give_up() : done(Outcome::drop_beyond);
  if (!flow_.keep(segment_.payload)) return done(Outcome::drop_beyond);
  flow_.fin = context_.has(kFin);
  flow_.repeats = 0;
  flow_.client_clock = segment_.timestamps->value;
  note_progress();
  return off_ == flow_.answered_end ? caught_up() : in_flight(false);
}

bool FlowRules::repeated() noexcept {
  if (!is_near()) return give_up();
  // Older than the client's newest: to the rules without an entry, its ledger would be that of a client far behind.
  const auto late = static_cast<std::int32_t>(flow_.client_clock - segment_.timestamps->value);
  if (late > 0) return done(Outcome::drop_beyond);
  const bool from_before = before(segment_.seq, flow_.base);
  const auto size = static_cast<std::uint32_t>(segment_.payload.size());
  if (from_before && (flow_.base - segment_.seq >= size || !shows_place())) return acknowledged_before();
  if (!from_before && repeated_piece()) return stuck();
  return give_up();  // the ledger knows best
}

bool FlowRules::acknowledged_before() noexcept {
  if (off_ != flow_.answered_end) return in_flight(true);
  if (flow_.closing) return close_again();
  flow_.drop_before(flow_.answered, flow_.answered_end);
  return acknowledge(Outcome::acked_repeat, settled());
}

bool FlowRules::repeated_piece() const noexcept {
  const std::size_t begin = segment_.seq - flow_.base;
  if (begin + segment_.payload.size() > flow_.kept) return false;
  if (begin > 0 && !Ledger::decode(echo_).is_next(segment_.seq)) return true;  // its sender has not lost that alone
  return !shows_place();
}

bool FlowRules::shows_place() const noexcept {
  const Ledger ledger = Ledger::decode(echo_);
  const Service& service = context_.service;
  if (ledger.is_next(segment_.seq)) {
    return service.next_request(segment_.payload, ledger.bare()).kind == Framed::Kind::complete;
  }
  const auto ends_there = [&](bool bare) {
    return find_boundary(segment_.payload, bare, segment_.seq.value(), ledger.next, service) != 0;
  };
  return ends_there(false) || ends_there(true);
}

bool FlowRules::repeats_enough() noexcept {
  if (!overtaken()) {
    if (flow_.repeats < kStuckRepeats) ++flow_.repeats;
    flow_.client_clock = segment_.timestamps->value;
  }
  return flow_.repeats >= kStuckRepeats;
}

bool FlowRules::stuck() noexcept {
  if (!repeats_enough()) return done(Outcome::flow_kept);
  flow_.recover = flow_.sent_to;
  if (flow_.closing && off_ == flow_.answered_end) return close_again();
  if (flow_.base != flow_.answered) return off_ == flow_.answered_end ? caught_up() : in_flight(true);
  // With other pieces behind it, what is kept may be a whole query whose answer the window left no room for.
  const Framed kept = context_.service.next_request(flow_.bytes_from(flow_.base), flow_.bare);
  return kept.kind == Framed::Kind::incomplete ? hold() : caught_up();
}

bool FlowRules::fin() noexcept {
  if (segment_.seq != flow_.kept_end()) return done(Outcome::drop_fin_early);
  flow_.fin = true;
  return off_ == flow_.answered_end ? caught_up() : done(Outcome::drop_fin_early);
}

bool FlowRules::acknowledgement() noexcept {
  if (!overtaken()) flow_.client_clock = segment_.timestamps->value;
  if (segment_.seq == flow_.kept_end() - 1 && flow_.kept == 0 && off_ == flow_.answered_end) return give_up();
  const bool resend = note_acknowledgement();
  return off_ == flow_.answered_end ? caught_up() : in_flight(resend);
}

bool FlowRules::note_acknowledgement() noexcept {
  // A client that reads tells of its window, more than once between two acknowledgements: no duplicates (RFC 5681
  // section 2).
  const bool same_window = segment_.window == std::exchange(flow_.last_window, segment_.window);
  if (off_ == flow_.last_off) {
    if (!same_window || flow_.sent_to == off_ || ++flow_.duplicates != kDuplicateThreshold) return false;
    flow_.recover = flow_.sent_to;
    flow_.window = std::max<std::uint16_t>(flow_.window / 2, 2);
    return true;
  }
  note_progress();
  return off_ < flow_.recover && off_ < flow_.sent_to;
}

void FlowRules::note_progress() noexcept {
  if (off_ <= flow_.last_off) return;
  const std::uint32_t segments = (off_ - flow_.last_off + segment_size_ - 1) / segment_size_;
  flow_.window = static_cast<std::uint16_t>(std::min<std::uint32_t>(flow_.window + segments, kLargestWindow));
  flow_.last_off = off_;
  flow_.duplicates = 0;
}

bool answer_from_flow(RuleContext& context, const Accepted& cookie, Flow& flow) noexcept {
  return FlowRules(context, cookie, flow).apply();
}

}  // namespace gl::tcp
