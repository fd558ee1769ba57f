// Writes the plan: answer segments cut to the client's MSS and window, acknowledgements, resets.
// Byte order: host. Ownership: writes into the responder's plan. Thread: one core's own.
// Sources: RFC 9293 section 3.10.7 (RST), RFC 6928 (ten segments), RFC 7323 section 3.2 (options).
#pragma once

#include <cstdint>
#include <optional>

#include "lib/tcp/responder.h"
#include "lib/tcp/token_bucket.h"

namespace gl::tcp {

// How the answer bytes from `begin` of the plan's stream on are to be sent.
struct AnswerSegments {
  std::uint32_t begin = 0;       // first byte of the stream that the client misses; it goes at SEG.ACK
  SeqNum ack_all;                // past everything that the answer answers
  SeqNum ack_none;               // where the ACK is withheld to
  Ledger ledger;                 // `acked` and `prefix` are set here
  bool bare = false;             // the first query answered is a bare message
  bool fin = false;              // our FIN comes with the last byte
  std::uint8_t mss_class = 0;
  bool immediate = false;        // the column's way: ACK first, FIN in a segment of its own
};

class PlanBuilder {
 public:
  PlanBuilder(Plan& plan, TokenBucket& resets, const ResponderSettings& settings) noexcept
      : plan_(plan), resets_(resets), settings_(settings) {}

  void begin(const Segment& segment) noexcept;
  void drop(Outcome outcome) noexcept { plan_.outcome = outcome; }
  // A segment without payload at SEQ = SEG.ACK. The ledger is given where the client has timestamps.
  void control(Outcome outcome, std::uint8_t flags, SeqNum ack, const std::optional<Ledger>& ledger) noexcept;
  void syn_ack(SeqNum isn, SeqNum ack, std::uint16_t mss, const std::optional<Ledger>& ledger) noexcept;
  // A RST, where rate and settings allow one.
  void reset(Outcome outcome) noexcept;

  // True if the whole rest went with one segment, or was sent the immediate way; the outcome is the caller's.
  bool answer(Bytes stream, const AnswerSegments& how) noexcept;

  [[nodiscard]] std::uint16_t own_mss() const noexcept;
  // Payload bytes of a full segment to this client.
  [[nodiscard]] std::uint32_t segment_size(std::uint8_t mss_class) const noexcept;

 private:
  OutSegment& add(SeqNum seq, SeqNum ack, std::uint8_t flags) noexcept;
  void stamp(OutSegment& out, const Ledger& ledger) const noexcept;
  void cut(const AnswerSegments& how, SeqNum ack, std::uint32_t end, std::uint32_t segment_size,
           std::uint32_t stream_size) noexcept;

  Plan& plan_;
  TokenBucket& resets_;
  const ResponderSettings& settings_;
  const Segment* segment_ = nullptr;
  bool timestamps_ = false;  // both sides use them on this connection
};

}  // namespace gl::tcp
