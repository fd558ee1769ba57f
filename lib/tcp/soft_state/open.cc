// How an entry begins: with a segment that the rules without one cannot answer to the end.
#include <algorithm>

#include "lib/tcp/soft_state/flow_rules.h"

namespace gl::tcp {

// `before` stands in the client's stream in front of the segment's bytes from `skip` on.
void FlowRules::begin(SeqNum from, Bytes before, std::size_t skip) noexcept {
  flow_.begin(from);
  flow_.mss_class = cookie_.mss_class;
  flow_.edge = from + context_.settings.window;  // our SYN-ACK's, or later
  flow_.snd_wnd = segment_.window;
  flow_.moved_ms = context_.flows.now_ms();
  if (flow_.timestamps) flow_.ts_recent = flow_.data_ts = segment_.timestamps->value;
  const Bytes bytes = segment_.payload.subspan(skip);
  const auto place = static_cast<std::uint32_t>(before.size());
  // Both fit: the segment was within our window, which counts from what is not acknowledged.
  (void)flow_.store(0, before);
  (void)flow_.store(place, bytes);
  if (context_.has(kFin)) flow_.end_at(place + static_cast<std::uint32_t>(bytes.size()));
}

void FlowRules::open(std::size_t skip, bool prefix_consumed, std::uint32_t end, std::uint32_t ledger_end,
                     const Flow* overtook) noexcept {
  begin(segment_.seq + static_cast<std::uint32_t>(skip), {}, skip);
  if (overtook != nullptr) flow_.adopt(*overtook);
  flow_.synchronize(end, ack_offset_);
  flow_.prefix_consumed = prefix_consumed;
  if (flow_.timestamps) {
    const Ledger ledger = Ledger::decode(echo_);
    flow_.ts_val = echo_;
    flow_.ledger_end = flow_.covered_end = ledger_end;
    if (ledger_end != end) {
      flow_.ledger_next = flow_.covered = flow_.base + ((ledger.next - flow_.base.value()) & kNextMask);
      flow_.begun_end = std::max(flow_.begun_end, ledger_end);
    }
  }
  (void)apply(decide(flow_.state, SegmentClass::new_data, circumstances(SegmentClass::new_data, false)),
              SegmentClass::new_data);
}

void FlowRules::open_behind(const FlowTable::Recent& recent) noexcept {
  begin(recent.seq, recent.query(), 0);
  flow_.synchronize(recent.end - recent.answer, ack_offset_);
  flow_.parts[0] = {recent.length, recent.answer, recent.identity};
  flow_.count = 1;
  flow_.answered = recent.length;
  flow_.answered_end = flow_.ledger_end = recent.end;
  flow_.ledger_next = flow_.acked = segment_.seq;
  flow_.ts_val = recent.ts_val;
  flow_.snd.begin(ack_offset_, recent.end);
  flow_.release();
  update_state();
  (void)apply(decide(flow_.state, SegmentClass::new_data, circumstances(SegmentClass::new_data, false)),
              SegmentClass::new_data);
}

void FlowRules::acknowledge_kept() noexcept {
  if (circumstances(SegmentClass::new_data, false).piece)
    (void)apply(Action::acknowledge_piece, SegmentClass::new_data);
}

void FlowRules::open_unsynchronized(bool prefix_consumed) noexcept {
  begin(segment_.seq, {}, 0);
  flow_.prefix_consumed = prefix_consumed;
  drop(Outcome::flow_kept);
  context_.flows.touch(flow_);
}

}  // namespace gl::tcp
