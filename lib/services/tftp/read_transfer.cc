#include "lib/services/tftp/read_transfer.h"

#include <algorithm>

namespace gl::tftp {

ReadTransfer::Heard ReadTransfer::on_ack(std::uint16_t number, Bytes file, std::uint64_t now) noexcept {
  // Counted from the block in front of the window, which an ACK that came before names.
  std::uint64_t count = 1;
  if (una_ == 0) {
    if (number != 0 || next_ == 0) return Heard::outside;
  } else {
    const auto behind = blocks_behind(una_ - 1, number, terms_.wrap);
    if (!behind || *behind > next_ - una_) return Heard::outside;
    if (*behind == 0) return una_ == first_ ? Heard::outside : Heard::repeated;
    count = *behind;
  }
  const bool whole_window = una_ + count == next_;
  if (whole_window && once_) timer_.measured(now - window_sent_);
  if (whole_window) {
    una_place_ = next_place_;
  } else {
    skip_content(file, terms_.mode, una_place_, count * terms_.blksize);
  }
  una_ += count;
  rewind();
  once_ = whole_window;
  window_sent_ = now;
  timer_.progressed(now);
  return last_ != 0 && una_ > last_ ? Heard::finished : Heard::advanced;
}

std::size_t ReadTransfer::write_next(Bytes file, MutableBytes out) noexcept {
  if (next_ == 0) {
    const std::size_t length = write_oack(out, terms_.agreed);
    if (length != 0) ++next_;
    return length;
  }
  if (out.size() < kHeader + terms_.blksize) return 0;
  write_header(out, Opcode::data, number_of(next_, terms_.wrap));
  const std::size_t length = read_content(file, terms_.mode, next_place_, out.subspan(kHeader, terms_.blksize));
  if (length < terms_.blksize) last_ = next_;
  ++next_;
  return kHeader + length;
}

}  // namespace gl::tftp
