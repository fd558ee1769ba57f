#include "lib/tcp/plan_builder.h"

#include <algorithm>

namespace gl::tcp {
namespace {

constexpr std::uint32_t kPlaceBytes = 64;  // within a segment, parts of an answer end at multiples of this

// How much of `burst` goes out from `begin` on, so that it ends where a part may.
std::uint32_t part(std::uint32_t begin, std::uint32_t burst, std::uint32_t segment) noexcept {
  return burst - std::min(burst, (begin + burst) % segment % kPlaceBytes);
}

}  // namespace

void PlanBuilder::go_on(const Segment& segment) noexcept {
  segment_ = &segment;
  timestamps_ = segment.timestamps && !settings_.immediate;
  ts_val_base_ = segment.timestamps ? segment.timestamps->echo : 0;
  segment_size_ = 0;
}

void PlanBuilder::begin(const Segment& segment) noexcept {
  go_on(segment);
  plan_.count = 0;
  plan_.outcome = Outcome::drop_ack_only;
  plan_.answers = nullptr;
  plan_.bulk = nullptr;
  plan_.waits = false;
  plan_.link = Plan::kNoLink;
}

std::uint16_t PlanBuilder::own_mss() const noexcept {
  return segment_->flow.is_v6() ? settings_.mss_v6 : settings_.mss_v4;
}

std::uint32_t PlanBuilder::find_segment_size(std::uint8_t mss_class) const noexcept {
  const bool v6 = segment_->flow.is_v6();
  const std::uint16_t limit = v6 ? settings_.mss_limit_v6 : settings_.mss_limit_v4;
  const std::uint32_t mss = std::min({mss_of(mss_class), own_mss(), limit, paths_.mss(segment_->flow, now_s_)});
  return timestamps_ ? mss - wire::kTimestampsLength : mss;
}

bool PlanBuilder::ends_part(std::uint32_t offset, std::uint8_t mss_class) const noexcept {
  return offset % segment_size(mss_class) % kPlaceBytes == 0;
}

OutSegment& PlanBuilder::add(SeqNum seq, SeqNum ack, std::uint8_t flags) noexcept {
  OutSegment& out = plan_.segments[plan_.count++];
  out = OutSegment{};
  out.seq = seq;
  out.ack = ack;
  out.flags = flags;
  out.window = settings_.window;
  return out;
}

void PlanBuilder::stamp(OutSegment& out, const Ledger& ledger) const noexcept {
  if (!timestamps_) return;
  out.has_timestamps = true;
  out.timestamps = {ledger.encode(ts_val_base_), segment_->timestamps->value};
}

void PlanBuilder::control(Outcome outcome, std::uint8_t flags, SeqNum ack,
                          const std::optional<Ledger>& ledger) noexcept {
  plan_.outcome = outcome;
  OutSegment& out = add(segment_->ack, ack, flags);
  if (ledger) stamp(out, *ledger);
}

void PlanBuilder::syn_ack(const SynAck& how) noexcept {
  plan_.outcome = Outcome::syn_ack;
  OutSegment& out = add(how.isn, how.ack, kSyn | kAck);
  out.mss = how.mss;
  out.fast_open = how.fast_open;
  out.sack_permitted = how.sack_permitted;
  out.window_scale = how.window_scale;
  if (!how.ledger) return;
  // A client that reuses a port within its TIME-WAIT compares our first TSval with the last one of the connection
  // before (Linux with tcp_tw_reuse). The clock bit follows the client's own clock, so a SYN repeated after a
  // second or three finds the other half of the number circle and passes.
  const std::uint32_t clock = (segment_->timestamps->value >> 11) << 31;
  out.has_timestamps = true;
  out.timestamps = {how.ledger->encode(clock), segment_->timestamps->value};
}

void PlanBuilder::reset(Outcome outcome) noexcept {
  if (!resets_.take()) {
    plan_.outcome = Outcome::drop_reset_limited;
    return;
  }
  plan_.outcome = outcome;
  if ((segment_->flags & kAck) != 0) {
    add(segment_->ack, SeqNum(0), kRst).window = 0;
    return;
  }
  const auto length = static_cast<std::uint32_t>(segment_->payload.size());
  const std::uint32_t controls = ((segment_->flags & kSyn) != 0 ? 1u : 0u) + ((segment_->flags & kFin) != 0 ? 1u : 0u);
  add(SeqNum(0), segment_->seq + length + controls, kRst | kAck).window = 0;
}

void PlanBuilder::cut(const AnswerSegments& how, SeqNum ack, std::uint32_t end, std::uint32_t segment_size,
                      std::uint32_t stream_size) noexcept {
  SeqNum seq = segment_->ack;
  for (std::uint32_t at = how.begin; at < end;) {
    const std::uint32_t length = std::min(segment_size, end - at);
    const bool last = at + length == end;
    const bool fin = how.fin && !how.immediate && at + length == stream_size;
    OutSegment& out = add(seq, ack, static_cast<std::uint8_t>(kAck | (last ? kPsh : 0) | (fin ? kFin : 0)));
    if (at != how.begin && ack == how.ack_none) out.ack = how.ack_early;
    out.offset = at;
    out.length = length;
    stamp(out, how.ledger);
    at += length;
    seq = seq + length;
  }
}

bool PlanBuilder::answer(const AnswerStream& answers, AnswerSegments& how) noexcept {
  plan_.answers = &answers;
  const auto size = static_cast<std::uint32_t>(answers.size());
  const std::uint32_t rest = size - how.begin;
  const std::uint32_t per_segment = segment_size(how.mss_class);
  std::uint32_t burst = std::min<std::uint32_t>(segment_->window, settings_.burst_segments * per_segment);
  if (how.immediate && rest <= burst) {
    if (!how.acknowledged) add(segment_->ack, how.ack_all, kAck);
    cut(how, how.ack_all, size, per_segment, size);
    if (how.fin) add(segment_->ack + rest, how.ack_all, kFin | kAck);
    return true;
  }
  how.immediate = false;
  if (!timestamps_ && burst < rest) burst = part(how.begin, burst, per_segment);
  if (rest == 0) {
    how.ledger.acked = true;
    how.ledger.prefix = false;
    OutSegment& out = add(segment_->ack, how.ack_all, static_cast<std::uint8_t>(kAck | (how.fin ? kFin : 0)));
    stamp(out, how.ledger);
    return true;
  }
  const bool whole = rest <= per_segment && rest <= burst;
  how.ledger.acked = whole;
  how.ledger.prefix = !whole && how.prefix_consumed;
  cut(how, whole ? how.ack_all : how.ack_none, how.begin + std::min(rest, burst), per_segment, size);
  return whole;
}

}  // namespace gl::tcp
