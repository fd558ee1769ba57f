// The rules for a connection with a long answer on its way: what a segment of its client or its timer leads to.
// Internal to lib/tcp: input.cc takes a segment in, output.cc sends. Thread: one core's own. Everything is borrowed for
// the call. Sources: RFC 9293 section 3.10.7, RFC 5681, RFC 5961 (RST, SYN), RFC 6298, RFC 6675, RFC 7323.
#pragma once

#include <array>

#include "lib/tcp/rules.h"

namespace gl::tcp {

class BulkRules {
 public:
  BulkRules(RuleContext& context, BulkFlow& flow) noexcept;

  // The first segments.
  void begin() noexcept;
  void receive() noexcept;
  // The time of its schedule has come.
  void on_timer() noexcept;

 private:
  // ---- input.cc ----
  void receive_reset() noexcept;
  [[nodiscard]] bool acceptable() const noexcept;
  // True: new bytes have arrived.
  bool note_acknowledgement(bool older) noexcept;
  void note_progress() noexcept;
  void measure(std::uint32_t round_trip_ms) noexcept;
  // True: an ACK has to follow.
  [[nodiscard]] bool note_bytes(bool progress) noexcept;
  void close() noexcept;

  // ---- output.cc ----
  static constexpr std::uint32_t kLastAckMs = 10'000;  // how long the client's FIN is awaited
  struct Piece {
    std::uint32_t begin;
    std::uint32_t end;
    bool again;
  };
  void send() noexcept;
  void collect() noexcept;
  void add_piece(Range range, bool again) noexcept;
  void write_pieces() noexcept;
  void probe() noexcept;
  void refill_tokens() noexcept;
  void acknowledge(Outcome outcome, std::uint32_t offset) noexcept;
  void reset(Outcome outcome) noexcept;
  void evict() noexcept;
  void reschedule() noexcept;
  void start_timer() noexcept;
  [[nodiscard]] std::uint32_t timeout_ms() const noexcept;
  OutSegment& add(std::uint32_t offset, std::uint8_t flags) noexcept;

  RuleContext& context_;
  const Segment& segment_;
  BulkFlow& flow_;
  BulkTable& table_;
  const std::uint32_t mss_;
  const std::uint32_t now_;
  bool evicted_ = false;
  std::array<Piece, kMaxSoftSegments> pieces_;
  std::size_t piece_count_ = 0;
};

}  // namespace gl::tcp
