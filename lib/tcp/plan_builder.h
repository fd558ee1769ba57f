// Writes the plan: answer segments cut to the client's MSS and window, acknowledgements, resets.
// Byte order: host. Ownership: writes into the responder's plan. Thread: one core's own.
// Sources: RFC 9293 section 3.10.7 (RST), RFC 6928 (ten segments), RFC 7323 section 3.2 (options).
#pragma once

#include <cstdint>
#include <optional>

#include "lib/tcp/ledger.h"
#include "lib/tcp/path_mtu.h"
#include "lib/tcp/responder.h"
#include "lib/tcp/token_bucket.h"

namespace gl::tcp {

// How the answer bytes from `begin` of the plan's stream on are to be sent.
struct AnswerSegments {
  std::uint32_t begin = 0;       // first byte of the stream that the client misses; it goes at SEG.ACK
  SeqNum ack_all;                // past everything that the answer answers
  SeqNum ack_none;               // where the ACK is deferred to
  SeqNum ack_early;              // the same for segments that may come before the first, which hands off the ledger
  Ledger ledger;                 // `acked` and `prefix` are set here
  bool prefix_consumed = false;  // the first query answered is a message without its prefix
  bool fin = false;              // our FIN comes with the last byte
  std::uint8_t mss_class = 0;
  bool immediate = false;     // as the column's server: ACK first, FIN in a segment of its own
  bool acknowledged = false;  // that ACK has been sent already
};

struct SynAck {
  SeqNum isn;
  SeqNum ack;
  std::uint16_t mss = 0;         // 0: no such option
  std::optional<Ledger> ledger;  // where the client has timestamps
  wire::FastOpen fast_open{};    // a cookie, or absent
  bool sack_permitted = false;   // where an entry of soft state can use it
  bool window_scale = false;     // the client's windows are scaled
};

class PlanBuilder {
 public:
  PlanBuilder(Plan& plan, TokenBucket& resets, const ResponderSettings& settings, const PathMtuTable& paths) noexcept
      : plan_(plan), resets_(resets), settings_(settings), paths_(paths) {}

  void begin_burst(std::uint64_t now_s) noexcept { now_s_ = now_s; }

  void begin(const Segment& segment) noexcept;
  // The plan goes on with what answers another segment.
  void go_on(const Segment& segment) noexcept;
  void drop(Outcome outcome) noexcept { plan_.outcome = outcome; }
  // Nothing goes out, and the frame waits.
  void suspend(const Ticket& ticket) noexcept {
    plan_.outcome = Outcome::suspended;
    plan_.ticket = ticket;
  }
  // The plan is as it is, and the frame waits as well.
  void wait_for_rest(const Ticket& ticket) noexcept {
    plan_.waits = true;
    plan_.ticket = ticket;
  }
  // A segment without payload at SEQ = SEG.ACK. The ledger is given where the client has timestamps.
  void control(Outcome outcome, std::uint8_t flags, SeqNum ack, const std::optional<Ledger>& ledger) noexcept;
  void syn_ack(const SynAck& how) noexcept;
  // A RST, where rate and settings allow one.
  void reset(Outcome outcome) noexcept;
  // One more segment, to be completed by the caller; the plan has room for kMaxSoftSegments.
  OutSegment& segment(SeqNum seq, SeqNum ack, std::uint8_t flags) noexcept { return add(seq, ack, flags); }
  static void stamp(OutSegment& out, std::uint32_t value, std::uint32_t echo) noexcept {
    out.has_timestamps = true;
    out.timestamps = {value, echo};
  }

  // Replies take their TSval from here on, instead of from the segment's TSecr: what was sent last, where that is
  // known.
  void stamp_from(std::uint32_t value) noexcept { ts_val_base_ = value; }
  // True if the whole rest went with one segment, or was sent the immediate way; the outcome is the caller's. `how` is
  // completed in place: a copy of it would be read in wider pieces than it was just written in.
  bool answer(const AnswerStream& answers, AnswerSegments& how) noexcept;

  [[nodiscard]] std::uint16_t own_mss() const noexcept;
  // Payload bytes of a full segment to this client, on the way there as far as it is known.
  [[nodiscard]] std::uint32_t segment_size(std::uint8_t mss_class) const noexcept {
    if (segment_size_ == 0) segment_size_ = find_segment_size(mss_class);
    return segment_size_;  // a connection has one class
  }
  // Whether a part of an answer to a client without timestamps ends `offset` bytes behind its beginning: where a
  // segment does, and where the window ends within one, at a place that is known again.
  [[nodiscard]] bool ends_part(std::uint32_t offset, std::uint8_t mss_class) const noexcept;

 private:
  OutSegment& add(SeqNum seq, SeqNum ack, std::uint8_t flags) noexcept;
  void stamp(OutSegment& out, const Ledger& ledger) const noexcept;
  [[nodiscard]] std::uint32_t find_segment_size(std::uint8_t mss_class) const noexcept;
  void cut(const AnswerSegments& how, SeqNum ack, std::uint32_t end, std::uint32_t segment_size,
           std::uint32_t stream_size) noexcept;

  Plan& plan_;
  TokenBucket& resets_;
  const ResponderSettings& settings_;
  const PathMtuTable& paths_;
  std::uint64_t now_s_ = 0;
  const Segment* segment_ = nullptr;
  std::uint32_t ts_val_base_ = 0;
  mutable std::uint32_t segment_size_ = 0;  // of this segment's flow, once it was asked for
  bool timestamps_ = false;                 // both sides use them on this connection
};

}  // namespace gl::tcp
