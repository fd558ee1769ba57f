// What comes of a client that reads a long answer.
#include <algorithm>
#include <span>

#include "lib/tcp/bulk/bulk_rules.h"

namespace gl::tcp {
namespace {

constexpr std::uint8_t kRepeatsPerByte = 3;   // of the request, before one more byte of it is acknowledged
constexpr std::uint32_t kGiveUpMs = 120'000;  // RFC 1122 section 4.2.3.5: R2, 100 seconds at least
constexpr std::uint8_t kMostBackoff = 7;

}  // namespace

BulkRules::BulkRules(RuleContext& context, BulkFlow& flow) noexcept
    : context_(context),
      segment_(context.segment),
      flow_(flow),
      table_(*context.bulk),
      mss_(context.build.segment_size(flow.mss_class)),
      now_(table_.now_ms()) {}

void BulkRules::receive() noexcept {
  if (context_.has(kRst)) return receive_reset();
  if (context_.has(kSyn)) {
    // RFC 5961 section 4.2: a client that began anew answers this with a RST, and its next SYN finds no entry.
    acknowledge(Outcome::bulk_acked, flow_.snd.nxt());
    return;
  }
  if (!acceptable()) return context_.build.drop(Outcome::drop_bulk_foreign);
  flow_.heard_ms = now_;
  context_.plan.link = table_.index_of(flow_);
  const bool older = flow_.timestamps && static_cast<std::int32_t>(segment_.timestamps->value - flow_.ts_recent) < 0;
  if (flow_.timestamps && !older) flow_.ts_recent = segment_.timestamps->value;
  const bool progress = note_acknowledgement(older);
  const bool owes = note_bytes(progress);
  if (flow_.fin_arrived) {
    close();
  } else {
    send();
    if (context_.plan.count == 0 && !evicted_) {
      owes ? acknowledge(Outcome::bulk_acked, flow_.snd.nxt() + (flow_.fin_sent ? 1u : 0u))
           : context_.build.drop(Outcome::drop_ack_only);
    }
  }
  if (!evicted_) reschedule();
}

// RFC 5961 section 3.2, where the client's stream is known to end: no further on than its request and FIN.
void BulkRules::receive_reset() noexcept {
  const std::int32_t from = distance(flow_.request, segment_.seq);
  const std::int32_t end = distance(flow_.request, flow_.request_end) + (flow_.client_fin ? 1 : 0);
  const bool exact = from == end || segment_.seq == flow_.acked;
  if (!exact) return context_.build.drop(Outcome::drop_rst);
  evict();
  context_.build.drop(Outcome::drop_bulk_aborted);
}

bool BulkRules::acceptable() const noexcept {
  if (!context_.has(kAck) || flow_.timestamps != segment_.timestamps.has_value()) return false;
  // Its stream begins at the request, and goes no further than our window behind what was acknowledged.
  const std::int32_t from = distance(flow_.request, segment_.seq);
  const std::int32_t window = context_.settings.window;
  if (from < -window || from > 2 * window) return false;
  const std::uint32_t ack = segment_.ack - flow_.seq_at(0);
  const std::uint32_t newest = flow_.snd.nxt() + (flow_.fin_sent ? 1u : 0u);
  // Behind SND.UNA: one that was overtaken.
  return ack <= newest || flow_.snd.una() - ack < (1u << 28);
}

bool BulkRules::note_acknowledgement(bool older) noexcept {
  const std::uint32_t ack = segment_.ack - flow_.seq_at(0);
  const std::uint32_t una = flow_.snd.una();
  const std::uint32_t nxt = flow_.snd.nxt();
  if (ack < una || ack > nxt + 1) return false;
  const std::uint32_t window = std::uint32_t{segment_.window} << shift_of(flow_.mss_class);
  const bool duplicate =
      ack == una && segment_.payload.empty() && !context_.has(kFin) && window == flow_.snd_wnd && flow_.snd.in_flight();
  if (!older) flow_.snd_wnd = window;
  std::array<Range, wire::SackBlocks::kMost> sacked;
  std::size_t count = 0;
  const std::uint32_t zero = flow_.seq_at(0).value();
  for (const auto& block : segment_.sack.view()) sacked[count++] = {block.begin - zero, block.end - zero};
  flow_.snd.acknowledge(std::min(ack, nxt), std::span(sacked).first(count), duplicate, mss_);
  if (flow_.fin_sent && ack == nxt + 1) flow_.fin_arrived = true;
  const bool progress = flow_.snd.una() != una || flow_.fin_arrived;
  if (!progress) return false;
  flow_.acks_alone = flow_.acks_alone || segment_.payload.empty();
  note_progress();
  return true;
}

void BulkRules::note_progress() noexcept {
  flow_.moved_ms = now_;
  flow_.backoff = 0;
  if (flow_.timed_end != 0 && flow_.snd.una() >= flow_.timed_end) {
    measure(now_ - flow_.timed_ms);
    flow_.timed_end = 0;
  }
  flow_.timeout_at = 0;
  if (flow_.outstanding()) start_timer();
  if (flow_.snd.una() < BulkFlow::kRebase) return;
  flow_.snd.rebase(BulkFlow::kRebase);
  flow_.base += BulkFlow::kRebase;
  if (flow_.timed_end != 0) flow_.timed_end = std::max(flow_.timed_end - BulkFlow::kRebase, 1u);
  flow_.ts_val += kBulkTsStep;
}

// RFC 6298 section 2, in the units of Jacobson's appendix.
void BulkRules::measure(std::uint32_t round_trip_ms) noexcept {
  if (flow_.srtt_x8 == 0) {
    flow_.srtt_x8 = std::max(round_trip_ms * 8, 1u);
    flow_.rttvar_x4 = round_trip_ms * 2;
    return;
  }
  const auto error = static_cast<std::int32_t>(round_trip_ms) - static_cast<std::int32_t>(flow_.srtt_x8 / 8);
  flow_.srtt_x8 = std::max(flow_.srtt_x8 + static_cast<std::uint32_t>(error), 1u);
  flow_.rttvar_x4 += static_cast<std::uint32_t>(std::max(error, -error)) - flow_.rttvar_x4 / 4;
}

bool BulkRules::note_bytes(bool progress) noexcept {
  const bool repeats = !segment_.payload.empty() && before(segment_.seq, flow_.request_end);
  const SeqNum end = segment_.seq + static_cast<std::uint32_t>(segment_.payload.size());
  if (context_.has(kFin) && end == flow_.request_end) flow_.client_fin = true;
  // A client gives up that repeats the same for too long; one whose every timer is answered does not.
  if (repeats && before(flow_.acked, flow_.request_end) && ++flow_.repeats >= kRepeatsPerByte) {
    flow_.repeats = 0;
    flow_.acked = flow_.acked + 1;
  }
  // iPXE sends nothing but its request while that is not acknowledged, at the pace of a timer that backs off.
  if (repeats && progress && !flow_.acks_alone) flow_.acked = flow_.request_end + (flow_.client_fin ? 1u : 0u);
  return !segment_.payload.empty() || context_.has(kFin);
}

// The whole answer has arrived, and our FIN.
void BulkRules::close() noexcept {
  const SeqNum end = segment_.seq + static_cast<std::uint32_t>(segment_.payload.size());
  const std::uint32_t past = flow_.snd.nxt() + 1;
  if (!segment_.payload.empty() && before(flow_.request_end, end)) return reset(Outcome::reset_stale);
  const bool told = flow_.all_acked && !context_.has(kFin) && segment_.payload.empty();
  flow_.acked = flow_.request_end + (flow_.client_fin ? 1u : 0u);
  flow_.all_acked = true;
  if (told) return context_.build.drop(Outcome::drop_ack_only);
  acknowledge(flow_.client_fin ? Outcome::bulk_ended : Outcome::bulk_acked, past);
  if (flow_.client_fin) return evict();
  flow_.timeout_at = 0;
  flow_.pace_at = 0;
}

void BulkRules::on_timer() noexcept {
  context_.build.drop(Outcome::bulk_timer);
  if (flow_.fin_arrived) {
    if (now_ - flow_.moved_ms >= kLastAckMs) evict();
  } else if (now_ - flow_.heard_ms >= kGiveUpMs) {
    reset(Outcome::reset_bulk_silent);
  } else {
    const bool timed_out = flow_.timeout_at != 0 && static_cast<std::int32_t>(now_ - flow_.timeout_at) >= 0;
    if (timed_out) {
      flow_.timeout_at = 0;
      flow_.timed_end = 0;  // Karn
      if (flow_.snd.in_flight()) flow_.snd.time_out_ours(mss_);
    }
    send();
    if (context_.plan.count == 0 && timed_out && !evicted_) probe();
    if (timed_out && flow_.backoff < kMostBackoff) ++flow_.backoff;
    if (timed_out) start_timer();
  }
  if (!evicted_) reschedule();
}

}  // namespace gl::tcp
