// How long one side of a transfer waits for the other before it sends again, and when it gives up.
// Units: milliseconds of a monotonic clock. Thread: plain values. Errors: none.
// Sources: RFC 6298 (its estimator; bounds of our own), RFC 2349 (an interval that the client has asked for).
#pragma once

#include <algorithm>
#include <cstdint>

namespace gl::tftp {

class RetransmissionTimer {
 public:
  static constexpr std::uint32_t kFirst = 1000;
  static constexpr std::uint32_t kLeast = 200;
  // Longer than clients wait, which is 5 s mostly. There are some that answer one repetition and pass over the others
  // until their own timer runs out, which it never does as long as something comes (atftp; Dordal, exercise 11.6).
  static constexpr std::uint32_t kMost = 8000;
  static constexpr std::uint32_t kGiveUp = 60'000;  // without progress
  static constexpr std::uint32_t kLeastTries = 6;   // however long the interval is that was asked for

  // `interval`: as the client has asked for, in seconds; 0: by the round trips that are measured.
  explicit RetransmissionTimer(std::uint8_t interval = 0) noexcept
      : fixed_(interval * 1000u), rto_(interval == 0 ? kFirst : fixed_) {}

  // One round trip of something that was sent once (Karn).
  void measured(std::uint64_t round_trip) noexcept {
    const auto r = static_cast<std::int64_t>(std::min<std::uint64_t>(round_trip, kGiveUp));
    if (srtt_ < 0) {
      srtt_ = r;
      rttvar_ = r / 2;
    } else {
      const std::int64_t off = srtt_ > r ? srtt_ - r : r - srtt_;
      rttvar_ += (off - rttvar_) / 4;
      srtt_ += (r - srtt_) / 8;
    }
  }
  // Something new was heard at `now`, and the next thing goes out.
  void progressed(std::uint64_t now) noexcept {
    progress_ = now;
    if (fixed_ == 0) {
      const std::int64_t estimate = srtt_ < 0 ? kFirst : srtt_ + 4 * rttvar_;
      rto_ = static_cast<std::uint32_t>(std::clamp<std::int64_t>(estimate, kLeast, kMost));
    }
    sent(now);
  }
  void sent(std::uint64_t now) noexcept { deadline_ = now + rto_; }
  // The deadline has passed. False: it is time to give up.
  [[nodiscard]] bool back_off(std::uint64_t now) noexcept {
    if (now - progress_ >= std::max(kGiveUp, kLeastTries * fixed_)) return false;
    if (fixed_ == 0) rto_ = std::min(rto_ * 2, kMost);
    sent(now);
    return true;
  }
  [[nodiscard]] std::uint64_t deadline() const noexcept { return deadline_; }

 private:
  std::uint32_t fixed_;
  std::uint32_t rto_;
  std::int64_t srtt_ = -1;  // none measured
  std::int64_t rttvar_ = 0;
  std::uint64_t progress_ = 0;
  std::uint64_t deadline_ = 0;
};

}  // namespace gl::tftp
