// One file on its way from a client: which block is next, when an ACK goes out, and when the last one is sent again.
// The file is opened, and at the end renamed, by the main core: until that is done nothing is acknowledged. A block
// that was stored already draws an ACK only if it is the last one stored, so that a window that comes again draws one.
// Units: blocks, milliseconds. Byte order: host. Thread: that core only. Errors: verdicts.
#pragma once

#include <cstdint>

#include "lib/services/tftp/retransmission_timer.h"
#include "lib/services/tftp/terms.h"

namespace gl::tftp {

class WriteTransfer {
 public:
  enum class State : std::uint8_t { opening, receiving, closing, stored };
  enum class Heard : std::uint8_t {
    next,      // in its turn: to be stored, then stored()
    repeated,  // it was stored: the last ACK goes out again
    ahead,     // blocks before it are missing: the last ACK says so, once
    ignored,   // nothing goes out
  };

  WriteTransfer() = default;
  explicit WriteTransfer(const Terms& terms) noexcept : terms_(terms), timer_(terms.agreed.timeout.value_or(0)) {}

  [[nodiscard]] const Terms& terms() const noexcept { return terms_; }
  [[nodiscard]] State state() const noexcept { return state_; }
  void opened() noexcept { state_ = State::receiving; }
  // The file has its name: the last block may be acknowledged.
  void renamed() noexcept { state_ = State::stored; }

  [[nodiscard]] Heard on_data(std::uint16_t number) noexcept;
  // The block that was `next` is in the hands of the main core. True: it is to be acknowledged now.
  [[nodiscard]] bool stored(std::size_t length, std::uint64_t now) noexcept;
  // What has arrived so far, as an ACK, or as the OACK where nothing has; how long it is.
  [[nodiscard]] std::size_t write_ack(MutableBytes out, std::uint64_t now) noexcept;
  // The deadline has passed: true where the last ACK is to be sent again, false where it is time to give up.
  [[nodiscard]] bool on_time(std::uint64_t now) noexcept { return timer_.back_off(now); }
  [[nodiscard]] std::uint64_t deadline() const noexcept { return timer_.deadline(); }
  // The next block would have a number that `wrap=refuse` does not allow.
  [[nodiscard]] bool is_too_long() const noexcept { return terms_.wrap == Wrap::refuse && last_ >= kLastNumber; }

 private:
  Terms terms_;
  RetransmissionTimer timer_;
  std::uint64_t last_ = 0;          // block that was stored in its turn
  std::uint64_t acknowledged_ = 0;  // block that the last ACK named
  State state_ = State::opening;
  bool said_ahead_ = false;  // since the last block that was stored
};

}  // namespace gl::tftp
