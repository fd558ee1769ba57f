// What happens to a segment of a remembered flow: it is classified, its bytes and its acknowledgement are noted,
// decide() says what follows, and that is done in one place, which changes the entry and writes the plan. What an entry
// of a client with timestamps sends keeps three rules, so that the ledger that the client carries stays a true one
// whichever of our segments arrive, and in whatever order:
//   1. A segment acknowledges no more than the newest ledger that the client echoed covers, or it begins at SND.UNA:
//      such a one hands off its ledger with its ACK, or is discarded whole (RFC 7323 section 4.3: SEG.SEQ <=
//      Last.ACK.sent).
//   2. It acknowledges only queries whose answers have arrived, or come with that very segment.
//   3. From its ACK to its ledger's `next` is at most one segment of the client, or a single query: so the client's
//      repetition shows the place.
// The entry owns the newest ledger: every reply carries that or a later one.
// Internal to lib/tcp: open.cc begins an entry, input.cc takes the segment in, output.cc sends answers, acknowledge.cc
// everything else. Thread: one core's own. Everything is
// borrowed for the call. Sources: RFC 9293 section 3.10.7.4, RFC 7323, RFC 7766.
#pragma once

#include <array>

#include "lib/tcp/rules.h"
#include "lib/tcp/soft_state/decide.h"

namespace gl::tcp {

[[nodiscard]] constexpr SeqNum later_of(SeqNum a, SeqNum b) noexcept {
  return before(a, b) ? b : a;
}
[[nodiscard]] constexpr SeqNum earlier_of(SeqNum a, SeqNum b) noexcept {
  return before(a, b) ? a : b;
}

class FlowRules {
 public:
  FlowRules(RuleContext& context, const Accepted& cookie, Flow& flow) noexcept;

  // False: the rules without an entry are to answer.
  [[nodiscard]] bool receive() noexcept;

  // ---- A new entry, which begins with this segment, and its answer (open.cc). ----
  // The answer to the query at byte `skip` of the segment begins at `end` of our stream; the ledger that the client
  // echoes counts to `ledger_end`. `prefix_consumed`: that query has lost its length prefix. `overtook`: what came
  // before this segment, and belongs behind it.
  void open(std::size_t skip, bool prefix_consumed, std::uint32_t end, std::uint32_t ledger_end,
            const Flow* overtook = nullptr) noexcept;
  // Pipelined behind a query that was answered without an entry, and whose answer is on its way.
  void open_behind(const FlowTable::Recent& recent) noexcept;
  // Pipelined behind queries of which nothing is known here.
  void open_unsynchronized(bool prefix_consumed) noexcept;
  // The piece that a new entry holds is acknowledged before its client repeats it once more.
  void acknowledge_kept() noexcept;

 private:
  void begin(SeqNum from, Bytes before, std::size_t skip) noexcept;

  // ---- input.cc ----
  [[nodiscard]] bool ledger_is_at(SeqNum seq) const noexcept;
  [[nodiscard]] bool is_older() const noexcept;
  [[nodiscard]] bool has_gone_on() const noexcept;
  void learn_from_ledger() noexcept;
  [[nodiscard]] SegmentClass classify() const noexcept;
  [[nodiscard]] SegmentClass classify_bytes() const noexcept;
  [[nodiscard]] SegmentClass classify_acknowledgement() const noexcept;
  // Notes window, echo, acknowledgement and SACK blocks.
  void note_acknowledgement(SegmentClass segment) noexcept;
  void note_echo() noexcept;
  // False: no room for the segment's bytes.
  [[nodiscard]] bool take(SegmentClass segment) noexcept;
  void update_state() noexcept;
  [[nodiscard]] Circumstances circumstances(SegmentClass segment, bool again) noexcept;
  [[nodiscard]] bool is_stuck(SegmentClass segment) noexcept;
  [[nodiscard]] bool sent_anew() const noexcept;
  // After so long without progress what was sent must have been lost.
  [[nodiscard]] std::uint32_t patience_ms() const noexcept;
  [[nodiscard]] bool apply(Action action, SegmentClass segment) noexcept;

  // ---- output.cc ----
  struct Piece {  // not initialised: few are used
    std::uint32_t begin;
    std::uint32_t end;
    bool again;
  };
  static constexpr std::size_t kMostPieces = kMaxSoftSegments;

  void answer() noexcept;
  void collect() noexcept;
  void add_piece(Range range, bool again) noexcept;
  [[nodiscard]] std::uint32_t room() const noexcept;
  [[nodiscard]] bool must_close() const noexcept;
  [[nodiscard]] bool may_answer_more(std::uint32_t end) const noexcept;
  // Afterwards the stream holds the answers that `range` touches; those that had none get one, as far as queries are
  // there. False: they can not be given again byte for byte.
  [[nodiscard]] bool render(Range range) noexcept;
  [[nodiscard]] std::uint32_t send_edge() const noexcept;
  [[nodiscard]] std::uint32_t clear_of_fin(Range range) const noexcept;
  void send() noexcept;
  [[nodiscard]] bool ends_stream(std::uint32_t end) const noexcept;
  // How far a segment may acknowledge that does not begin at SND.UNA, and one that does and ends at `end`.
  [[nodiscard]] SeqNum later_ack() const noexcept;
  [[nodiscard]] SeqNum first_ack(std::uint32_t end) const noexcept;
  // The ledger of a plan that sends up to `end` and acknowledges at least `ack`; `alone`: with one segment.
  void advance_ledger(std::uint32_t end, SeqNum ack, bool alone) noexcept;
  void stamp(const Ledger& ledger) noexcept;
  void settle() noexcept;
  [[nodiscard]] std::uint16_t window() const noexcept;
  [[nodiscard]] bool opens_window() const noexcept;
  [[nodiscard]] std::uint16_t advertise(SeqNum ack) noexcept;
  void control(Outcome outcome, std::uint8_t flags, std::uint32_t offset, SeqNum ack) noexcept;

  // ---- acknowledge.cc ----
  void nothing_to_send() noexcept;
  void caught_up() noexcept;
  void begin_bulk() noexcept;
  [[nodiscard]] bool acknowledge_progress() noexcept;
  void acknowledge_most() noexcept;
  [[nodiscard]] bool waits_for_ledger() const noexcept;
  [[nodiscard]] bool hand_off_ledger() noexcept;
  void acknowledge(Outcome outcome) noexcept;
  void acknowledge_piece() noexcept;
  void acknowledge_gap() noexcept;
  void acknowledge_fin(SegmentClass segment) noexcept;
  void close() noexcept;
  void drop(Outcome outcome) noexcept { context_.build.drop(outcome); }
  void reset(Outcome outcome) noexcept;
  void evict() noexcept;

  RuleContext& context_;
  const Segment& segment_;
  const Accepted& cookie_;
  Flow& flow_;
  const std::uint32_t ack_offset_;
  const std::uint32_t echo_;
  const std::uint32_t mss_;
  bool evicted_ = false;

  // What this segment's answer is made of.
  Stop stop_ = Stop::end;  // why no further query is answered
  bool refused_ = false;   // an answer would not be the same bytes
  Range rendered_{};       // what the stream holds
  std::array<Piece, kMostPieces> pieces_;
  std::size_t piece_count_ = 0;
};

}  // namespace gl::tcp
