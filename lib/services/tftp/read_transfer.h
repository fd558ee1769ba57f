// One file on its way to a client: which block is next, what an ACK moves, when something is sent again.
// A window of blocks is under way; an ACK for its end draws the next window, one for a block inside of it says that
// those behind have not arrived, and they are sent again (RFC 7440 section 4). An ACK that came before draws nothing
// (RFC 1123 section 4.2.3.1, the Sorcerer's Apprentice). Block 0 is the OACK.
// Units: bytes, blocks, milliseconds. Byte order: host. Ownership: borrows the file for each call, always the same one.
// Thread: that core only. Errors: verdicts.
#pragma once

#include <cstdint>

#include "lib/base/bytes.h"
#include "lib/services/tftp/content.h"
#include "lib/services/tftp/retransmission_timer.h"
#include "lib/services/tftp/terms.h"

namespace gl::tftp {

class ReadTransfer {
 public:
  enum class Heard : std::uint8_t {
    repeated,  // an ACK that came before
    outside,   // of nothing that is under way
    advanced,  // the next window may go
    finished,  // all has arrived
  };

  ReadTransfer() = default;
  explicit ReadTransfer(const Terms& terms) noexcept
      : terms_(terms),
        first_(terms.agreed.any() ? 0 : 1),
        una_(first_),
        next_(first_),
        timer_(terms.agreed.timeout.value_or(0)) {}

  [[nodiscard]] const Terms& terms() const noexcept { return terms_; }
  // Whether an ACK has come: whoever sent it has received from our TID.
  [[nodiscard]] bool established() const noexcept { return una_ != first_; }

  [[nodiscard]] Heard on_ack(std::uint16_t number, Bytes file, std::uint64_t now) noexcept;
  // Whether the window has room, and the file a block for it.
  [[nodiscard]] bool has_next() const noexcept {
    if (next_ == 0) return true;
    return una_ != 0 && next_ < una_ + terms_.windowsize && (last_ == 0 || next_ <= last_) && !is_too_long();
  }
  // The next block would have a number that `wrap=refuse` does not allow.
  [[nodiscard]] bool is_too_long() const noexcept {
    return terms_.wrap == Wrap::refuse && next_ > kLastNumber && last_ == 0;
  }
  // Whether something of the window has been sent before.
  [[nodiscard]] bool is_again() const noexcept { return !once_; }
  // The next packet, where has_next(); how long it is, 0: `out` is too short.
  [[nodiscard]] std::size_t write_next(Bytes file, MutableBytes out) noexcept;
  // All that there was room for has been written.
  void sent(std::uint64_t now) noexcept {
    if (once_) window_sent_ = now;
    timer_.sent(now);
  }
  // From the first block that was not acknowledged.
  void rewind() noexcept {
    next_ = una_;
    next_place_ = una_place_;
    once_ = false;
  }
  // The deadline has passed: true where the window is to be sent again, false where it is time to give up.
  [[nodiscard]] bool on_time(std::uint64_t now) noexcept {
    if (!timer_.back_off(now)) return false;
    rewind();
    return true;
  }
  [[nodiscard]] std::uint64_t deadline() const noexcept { return timer_.deadline(); }

 private:
  Terms terms_;
  std::uint64_t first_ = 1;  // block: 0 where there is an OACK
  std::uint64_t una_ = 1;    // the first that was not acknowledged
  std::uint64_t next_ = 1;   // the next to be sent
  std::uint64_t last_ = 0;   // 0: not known yet
  Place una_place_;
  Place next_place_;
  RetransmissionTimer timer_;
  std::uint64_t window_sent_ = 0;  // when
  bool once_ = true;               // what is under way was sent once
};

}  // namespace gl::tftp
