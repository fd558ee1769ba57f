#include "lib/services/tftp/write_transfer.h"

namespace gl::tftp {

WriteTransfer::Heard WriteTransfer::on_data(std::uint16_t number) noexcept {
  if (state_ == State::opening) return Heard::ignored;
  const auto behind = blocks_behind(last_, number, terms_.wrap);
  if (!behind) return Heard::ignored;
  if (*behind == 0) return state_ == State::closing || last_ == 0 ? Heard::ignored : Heard::repeated;
  if (state_ != State::receiving) return Heard::ignored;
  if (*behind == 1) return Heard::next;
  if (*behind > terms_.windowsize || said_ahead_) return Heard::ignored;
  said_ahead_ = true;
  return Heard::ahead;
}

bool WriteTransfer::stored(std::size_t length, std::uint64_t now) noexcept {
  ++last_;
  said_ahead_ = false;
  timer_.progressed(now);
  if (length < terms_.blksize) {
    state_ = State::closing;
    return false;
  }
  return last_ - acknowledged_ >= terms_.windowsize;
}

std::size_t WriteTransfer::write_ack(MutableBytes out, std::uint64_t now) noexcept {
  acknowledged_ = last_;
  timer_.sent(now);
  if (last_ == 0 && terms_.agreed.any()) return write_oack(out, terms_.agreed);
  return write_header(out, Opcode::ack, number_of(last_, terms_.wrap));
}

}  // namespace gl::tftp
