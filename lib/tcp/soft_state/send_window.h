// What a remembered flow has on its way to its client, and what may follow: a TCP sender in small, without a timer of
// its own. The client's timer is the only one: its repeated query is the signal that everything was lost.
// Units: answer bytes since our ISN; `mss` is the payload of a full segment. Ownership: plain value. Thread: one
// core's own. Sources: RFC 5681 (slow start, duplicate ACKs), RFC 3042 (limited transmit), RFC 6582 and RFC 6675 (loss
// recovery without and with SACK), RFC 6928 (ten segments).
#pragma once

#include <array>
#include <cstdint>
#include <span>

namespace gl::tcp {

struct Range {
  std::uint32_t begin = 0;
  std::uint32_t end = 0;
  [[nodiscard]] constexpr bool empty() const noexcept { return begin >= end; }
  friend constexpr bool operator==(const Range&, const Range&) noexcept = default;
};

inline constexpr std::uint16_t kInitialWindow = 10;  // segments
inline constexpr std::uint16_t kLargestCwnd = 256;   // the client's window is below 64 KiB anyway
inline constexpr std::uint8_t kDuplicateThreshold = 3;

class SendWindow {
 public:
  enum class Recovery : std::uint8_t {
    none,
    fast,     // RFC 6675: below the highest byte that SACK reports, what is not reported is lost; else RFC 6582
    timeout,  // everything below `recover` that SACK does not report is lost
  };

  // Everything before `una` has arrived, what is between the two may be on its way.
  // `largest_cwnd`: segments.
  void begin(std::uint32_t una, std::uint32_t nxt, std::uint16_t largest_cwnd = kLargestCwnd) noexcept;
  // Offsets count from `by` further on.
  void rebase(std::uint32_t by) noexcept;

  // An acknowledgement of everything before `offset`, with its SACK blocks. `duplicate`: RFC 5681 section 2.
  void acknowledge(std::uint32_t offset, std::span<const Range> sacked, bool duplicate, std::uint32_t mss) noexcept;
  // The client's timer says that nothing of it arrives any more.
  void time_out(std::uint32_t mss) noexcept;
  // So does our own, which comes again if need be (RFC 5681 section 3.1, RFC 6298 section 5.4).
  void time_out_ours(std::uint32_t mss) noexcept;
  // What was sent again at `una` a round trip ago and more has not arrived, though later segments still do: once more.
  void resend_head() noexcept;
  // [begin, end) is sent now, for the first time or again.
  void sent(Range range) noexcept;

  // What is to be sent again next, at most a segment of it; empty: nothing.
  [[nodiscard]] Range next_lost(std::uint32_t mss) const noexcept;
  // How many bytes may be sent now, as far as congestion is concerned.
  [[nodiscard]] std::uint32_t budget(std::uint32_t mss) const noexcept;

  [[nodiscard]] std::uint32_t una() const noexcept { return una_; }
  [[nodiscard]] std::uint32_t nxt() const noexcept { return nxt_; }
  [[nodiscard]] bool in_flight() const noexcept { return una_ < nxt_; }
  [[nodiscard]] Recovery recovery() const noexcept { return recovery_; }
  [[nodiscard]] std::uint16_t cwnd() const noexcept { return cwnd_; }
  [[nodiscard]] std::uint8_t dupacks() const noexcept { return dupacks_; }

 private:
  // Estimate of what is still on its way, RFC 6675 section 4.
  [[nodiscard]] std::uint32_t pipe(std::uint32_t mss) const noexcept;
  // Where the part ends that counts as lost.
  [[nodiscard]] std::uint32_t lost_end(std::uint32_t mss) const noexcept;
  // Bytes of [begin, end) that SACK reports.
  [[nodiscard]] std::uint32_t sacked_in(std::uint32_t begin, std::uint32_t end) const noexcept;
  [[nodiscard]] bool merge(Range block) noexcept;
  void prune() noexcept;
  void grow(std::uint32_t acked, std::uint32_t mss) noexcept;
  void enter(Recovery recovery, std::uint16_t cwnd, std::uint16_t ssthresh) noexcept;

  std::uint32_t una_ = 0;
  std::uint32_t nxt_ = 0;
  std::uint32_t recover_ = 0;        // RFC 6582: what was sent when the loss was seen
  std::uint32_t retransmitted_ = 0;  // RFC 6675 HighRxt: everything lost before it was sent again
  std::uint32_t credit_ = 0;         // acknowledged bytes towards the next segment of cwnd (RFC 5681 section 3.1)
  std::uint16_t cwnd_ = kInitialWindow;
  std::uint16_t ssthresh_ = kLargestCwnd;
  std::uint16_t largest_cwnd_ = kLargestCwnd;
  std::uint8_t dupacks_ = 0;
  std::uint8_t sacked_count_ = 0;
  Recovery recovery_ = Recovery::none;
  std::uint16_t patience_ = 0;    // duplicate ACKs that may come before what was sent again at `una` is lost too
  bool forced_ = false;           // the first retransmission goes out whatever the pipe holds
  std::array<Range, 16> sacked_;  // ascending, apart from one another, all beyond una
};

}  // namespace gl::tcp
