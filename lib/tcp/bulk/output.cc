// What goes out of a long answer, and when.
#include <algorithm>

#include "lib/tcp/bulk/bulk_rules.h"

namespace gl::tcp {
namespace {

constexpr std::uint16_t kLargestBulkCwnd = 8192;  // segments: beyond the largest window of a client
constexpr std::uint32_t kFirstTimeoutMs = 1000;   // RFC 6298 section 2.1
constexpr std::uint32_t kLeastTimeoutMs = 200;    // as Linux: RFC 6298 says a second, and few do
constexpr std::uint32_t kLongestTimeoutMs = 15'000;
constexpr std::uint32_t kPaceMs = 10;  // of a rate may go out at once

}  // namespace

Bytes Plan::read_bulk(const OutSegment& out, MutableBytes room) const noexcept {
  const std::size_t read = bulk->service->read(bulk->answer, bulk->base + out.offset, room.first(out.length));
  return room.first(read);
}

void BulkRules::begin() noexcept {
  flow_.heard_ms = flow_.moved_ms = flow_.tokens_ms = now_;
  flow_.snd.begin(0, 0, kLargestBulkCwnd);
  flow_.tokens = mss_ * kInitialWindow;
  context_.plan.link = table_.index_of(flow_);
  send();
  if (evicted_) return;
  if (context_.plan.count == 0) {
    context_.build.drop(Outcome::drop_zero_window);
    start_timer();
  } else {
    context_.plan.outcome = Outcome::bulk_begun;
  }
  reschedule();
}

void BulkRules::send() noexcept {
  if (!flow_.service->still_has(flow_.answer)) return reset(Outcome::reset_changed);
  refill_tokens();
  collect();
  if (piece_count_ > 0) write_pieces();
}

// First what was lost, then what was never sent, as far as the client's window, congestion and the rate allow.
void BulkRules::collect() noexcept {
  SendWindow& snd = flow_.snd;
  const std::uint32_t edge = std::min(snd.una() + flow_.snd_wnd, flow_.end());
  std::uint32_t budget = snd.budget(mss_);
  const bool paced = context_.settings.bulk_rate != 0;
  const auto allowed = [&] { return budget >= mss_ && (!paced || flow_.tokens >= mss_); };
  const auto spend = [&] {
    budget -= mss_;
    if (paced) flow_.tokens -= mss_;
  };
  flow_.pace_at = 0;
  while (piece_count_ < pieces_.size() && allowed()) {
    Range lost = snd.next_lost(mss_);
    lost.end = std::min(lost.end, edge);
    if (lost.empty()) break;
    add_piece(lost, true);
    spend();
  }
  while (piece_count_ < pieces_.size() && allowed() && snd.nxt() < edge) {
    const Range next{snd.nxt(), std::min(edge, snd.nxt() + mss_)};
    // RFC 1122 section 4.2.3.4: no small segment only because there is no room for a larger one yet.
    const bool cut = next.end - next.begin < mss_ && !flow_.is_end(next.end);
    if (cut && (snd.in_flight() || piece_count_ > 0)) break;
    add_piece(next, false);
    spend();
  }
  const bool waits = snd.nxt() < edge || !snd.next_lost(mss_).empty();
  if (paced && budget >= mss_ && flow_.tokens < mss_ && waits) {
    const std::uint32_t missing = mss_ - flow_.tokens;
    flow_.pace_at = now_ + std::max(kPaceMs / 2, missing / std::max(context_.settings.bulk_rate / 1000, 1u) + 1);
  }
}

void BulkRules::refill_tokens() noexcept {
  const std::uint64_t rate = context_.settings.bulk_rate;  // bytes a second
  if (rate == 0) return;
  const std::uint64_t gained = rate * (now_ - flow_.tokens_ms) / 1000;
  if (gained == 0) return;
  const std::uint64_t most = std::max(std::uint64_t{2} * mss_, rate * kPaceMs / 1000);
  flow_.tokens = static_cast<std::uint32_t>(
      std::min<std::uint64_t>(std::max<std::uint64_t>(most, flow_.tokens), flow_.tokens + gained));
  flow_.tokens_ms = now_;
}

void BulkRules::add_piece(Range range, bool again) noexcept {
  flow_.snd.sent(range);
  pieces_[piece_count_++] = {range.begin, range.end, again};
}

OutSegment& BulkRules::add(std::uint32_t offset, std::uint8_t flags) noexcept {
  OutSegment& out = context_.build.segment(flow_.seq_at(offset), flow_.acked, flags);
  if (flow_.timestamps) context_.build.stamp(out, flow_.ts_val, flow_.ts_recent);
  return out;
}

void BulkRules::write_pieces() noexcept {
  context_.plan.bulk = &flow_;
  bool again = false;
  for (std::size_t i = 0; i < piece_count_; ++i) {
    const Piece& piece = pieces_[i];
    const bool fin = flow_.is_end(piece.end);
    OutSegment& out =
        add(piece.begin, static_cast<std::uint8_t>(kAck | (i + 1 == piece_count_ ? kPsh : 0) | (fin ? kFin : 0)));
    out.offset = piece.begin;
    out.length = piece.end - piece.begin;
    flow_.fin_sent = flow_.fin_sent || fin;
    again = again || piece.again;
  }
  context_.plan.outcome = again ? Outcome::bulk_resent : Outcome::bulk_sent;
  if (again) {
    flow_.timed_end = 0;  // Karn: which copy is acknowledged is not known
  } else if (flow_.timed_end == 0) {
    flow_.timed_end = flow_.snd.nxt();
    flow_.timed_ms = now_;
  }
  if (flow_.timeout_at == 0) start_timer();
}

// Nothing may go out, and something has to: our FIN, or what draws an ACK from a closed window (RFC 9293 section
// 3.8.6.1), a segment in front of it, as Linux does it: the answer to that is the window, and no byte is in doubt.
void BulkRules::probe() noexcept {
  const std::uint32_t una = flow_.snd.una();
  if (una == flow_.end()) {
    (void)add(una, kFin | kAck);
    flow_.fin_sent = true;
    context_.plan.outcome = Outcome::bulk_resent;
    return;
  }
  OutSegment& out = add(una, kAck);
  out.seq = out.seq - 1;
  context_.plan.outcome = Outcome::bulk_acked;
}

void BulkRules::acknowledge(Outcome outcome, std::uint32_t offset) noexcept {
  (void)add(offset, kAck);
  context_.plan.outcome = outcome;
}

void BulkRules::reset(Outcome outcome) noexcept {
  // The client takes one only exactly where its stream goes on (RFC 5961 section 3.2): it has just said where, or it is
  // where something was lost, or behind all that was sent.
  context_.plan.count = 0;
  const std::uint32_t una = flow_.snd.una();
  const std::uint32_t nxt = flow_.snd.nxt() + (flow_.fin_sent ? 1u : 0u);
  add(una, kRst | kAck).window = 0;
  if (segment_.timer && nxt != una) add(nxt, kRst | kAck).window = 0;
  context_.plan.outcome = outcome;
  evict();
}

void BulkRules::evict() noexcept {
  table_.evict(flow_);
  evicted_ = true;
}

std::uint32_t BulkRules::timeout_ms() const noexcept {
  const std::uint32_t measured =
      flow_.srtt_x8 == 0 ? kFirstTimeoutMs : flow_.srtt_x8 / 8 + std::max(flow_.rttvar_x4, kLeastTimeoutMs);
  return std::min(measured << flow_.backoff, kLongestTimeoutMs);
}

void BulkRules::start_timer() noexcept {
  flow_.timeout_at = std::max(now_ + timeout_ms(), 1u);
}

void BulkRules::reschedule() noexcept {
  std::uint32_t at = flow_.timeout_at;
  if (flow_.fin_arrived) {
    at = now_ + kLastAckMs;
  } else if (at == 0 || (flow_.pace_at != 0 && static_cast<std::int32_t>(flow_.pace_at - at) < 0)) {
    at = flow_.pace_at;
  }
  if (at == 0) {  // a closed window: the client is asked again and again
    start_timer();
    at = flow_.timeout_at;
  }
  table_.schedule(flow_, at);
}

void RuleContext::scale_window(std::uint8_t mss_class) noexcept {
  if (unscaled == nullptr) return;
  unscaled->scaled_window = std::uint32_t{unscaled->window} << shift_of(mss_class);
  unscaled->window = static_cast<std::uint16_t>(std::min<std::uint32_t>(unscaled->scaled_window, 0xffff));
  unscaled = nullptr;
}

bool RuleContext::begin_bulk(const BulkStart& start) noexcept {
  if (bulk == nullptr || !begins_bulk) return false;
  BulkFlow* const flow = bulk->make(segment.flow);
  if (flow == nullptr) return false;
  flow->answer = answers.long_answer();
  flow->service = &service;
  flow->timestamps = segment.timestamps.has_value();
  flow->mss_class = start.mss_class;
  flow->first = start.first;
  flow->request = start.request;
  flow->acked = start.acked;
  flow->request_end = start.request_end;
  flow->client_fin = start.client_fin;
  flow->snd_wnd = segment.scaled_window;
  flow->ts_val = start.ts_val;
  if (flow->timestamps) flow->ts_recent = segment.timestamps->value;
  BulkRules(*this, *flow).begin();
  return true;
}

}  // namespace gl::tcp
