#include "lib/tcp/soft_state/send_window.h"

#include <algorithm>

namespace gl::tcp {

void SendWindow::begin(std::uint32_t una, std::uint32_t nxt, std::uint16_t largest_cwnd) noexcept {
  largest_cwnd_ = largest_cwnd;
  una_ = una;
  nxt_ = nxt;
  recover_ = retransmitted_ = una;
  credit_ = 0;
  cwnd_ = kInitialWindow;
  ssthresh_ = largest_cwnd;
  dupacks_ = sacked_count_ = 0;
  recovery_ = Recovery::none;
  forced_ = false;
}

void SendWindow::acknowledge(std::uint32_t offset, std::span<const Range> sacked, bool duplicate,
                             std::uint32_t mss) noexcept {
  const std::uint32_t acked = offset > una_ ? offset - una_ : 0;
  if (acked > 0) {
    una_ = offset;
    nxt_ = std::max(nxt_, offset);
    retransmitted_ = std::max(retransmitted_, offset);
    dupacks_ = 0;
    prune();
  }
  bool news = false;
  for (const Range& block : sacked) news = merge(block) || news;
  if (acked > 0) grow(acked, mss);
  // A client that sends SACK blocks reports each segment that arrives; a duplicate without news is about something
  // else (a D-SACK, RFC 2883).
  if (acked == 0 && (sacked.empty() ? duplicate : news) && dupacks_ < 0xff) ++dupacks_;
  if (recovery_ != Recovery::none) {
    if (una_ < recover_) {
      if (acked > 0) {
        forced_ = true;  // a partial acknowledgement, RFC 6582: the next hole begins there
        patience_ = static_cast<std::uint16_t>((nxt_ - una_) / mss + kDuplicateThreshold);
      } else if (dupacks_ >= patience_) {
        patience_ = static_cast<std::uint16_t>(dupacks_ + (nxt_ - una_) / mss + kDuplicateThreshold);
        resend_head();
      }
      return;
    }
    forced_ = false;
    if (recovery_ == Recovery::fast) cwnd_ = ssthresh_;
    recovery_ = Recovery::none;
    dupacks_ = 0;
    return;
  }
  const bool lost = dupacks_ >= kDuplicateThreshold || sacked_in(una_, nxt_) > (kDuplicateThreshold - 1u) * mss;
  if (!lost || !in_flight()) return;
  patience_ = static_cast<std::uint16_t>(dupacks_ + (nxt_ - una_) / mss + kDuplicateThreshold);
  const std::uint32_t half = std::max((nxt_ - una_) / mss / 2, 2u);
  enter(Recovery::fast, static_cast<std::uint16_t>(half), static_cast<std::uint16_t>(half));
}

void SendWindow::time_out(std::uint32_t mss) noexcept {
  const std::uint32_t flight = (nxt_ - una_ + mss - 1) / mss;
  dupacks_ = 0;
  patience_ = kDuplicateThreshold;  // nothing else is on its way that could cause them
  // Not one segment, as RFC 5681 has it: the next signal is as far as the client's next timeout.
  const auto cwnd = static_cast<std::uint16_t>(std::clamp<std::uint32_t>(flight, 2, kInitialWindow));
  enter(Recovery::timeout, cwnd, static_cast<std::uint16_t>(std::max(flight / 2, 2u)));
}

void SendWindow::time_out_ours(std::uint32_t mss) noexcept {
  const std::uint32_t flight = (nxt_ - una_ + mss - 1) / mss;
  dupacks_ = 0;
  patience_ = kDuplicateThreshold;
  // One that comes again says nothing new of the path.
  const bool again = recovery_ == Recovery::timeout && cwnd_ == 1;
  enter(Recovery::timeout, 1, again ? ssthresh_ : static_cast<std::uint16_t>(std::max(flight / 2, 2u)));
}

void SendWindow::rebase(std::uint32_t by) noexcept {
  una_ -= by;
  nxt_ -= by;
  recover_ -= std::min(recover_, by);
  retransmitted_ -= std::min(retransmitted_, by);
  for (Range& block : std::span(sacked_).first(sacked_count_)) block = {block.begin - by, block.end - by};
}

void SendWindow::enter(Recovery recovery, std::uint16_t cwnd, std::uint16_t ssthresh) noexcept {
  recovery_ = recovery;
  recover_ = nxt_;
  retransmitted_ = una_;
  cwnd_ = cwnd;
  ssthresh_ = ssthresh;
  credit_ = 0;
  forced_ = true;
}

void SendWindow::resend_head() noexcept {
  if (recovery_ == Recovery::none) return;
  retransmitted_ = una_;
  forced_ = true;
}

void SendWindow::sent(Range range) noexcept {
  forced_ = false;
  if (range.begin < nxt_) retransmitted_ = std::max(retransmitted_, range.end);
  nxt_ = std::max(nxt_, range.end);
}

Range SendWindow::next_lost(std::uint32_t mss) const noexcept {
  if (recovery_ == Recovery::none) return {};
  const std::uint32_t end = lost_end(mss);
  Range lost{std::max(una_, retransmitted_), end};
  for (std::size_t i = 0; i < sacked_count_; ++i) {
    const Range& block = sacked_[i];
    if (block.end <= lost.begin) continue;
    if (block.begin <= lost.begin) {
      lost.begin = block.end;
      continue;
    }
    lost.end = std::min(lost.end, block.begin);
    break;
  }
  if (lost.empty()) return {};
  lost.end = std::min(lost.end, lost.begin + mss);
  return lost;
}

std::uint32_t SendWindow::budget(std::uint32_t mss) const noexcept {
  const std::uint32_t window = cwnd_ * mss;
  const std::uint32_t out = pipe(mss);
  const std::uint32_t room = window > out ? window - out : 0;
  return forced_ ? std::max(room, mss) : room;
}

std::uint32_t SendWindow::lost_end(std::uint32_t mss) const noexcept {
  if (recovery_ == Recovery::none) return una_;
  if (recovery_ == Recovery::timeout) return std::max(recover_, una_);
  const std::uint32_t highest = sacked_count_ > 0 ? sacked_[sacked_count_ - 1u].begin : una_;
  return std::min(std::max(highest, una_ + mss), nxt_);
}

std::uint32_t SendWindow::pipe(std::uint32_t mss) const noexcept {
  std::uint32_t out = nxt_ - una_ - sacked_in(una_, nxt_);
  const std::uint32_t from = std::max(una_, retransmitted_);
  if (const std::uint32_t end = lost_end(mss); recovery_ != Recovery::none && from < end) {
    out -= end - from - sacked_in(from, end);
  }
  if (sacked_count_ == 0) out -= std::min(out, dupacks_ * mss);
  return out;
}

std::uint32_t SendWindow::sacked_in(std::uint32_t begin, std::uint32_t end) const noexcept {
  std::uint32_t sum = 0;
  for (std::size_t i = 0; i < sacked_count_; ++i) {
    const Range common{std::max(begin, sacked_[i].begin), std::min(end, sacked_[i].end)};
    if (!common.empty()) sum += common.end - common.begin;
  }
  return sum;
}

// False: all of it was known, it is none of ours, or there is no place to note it.
bool SendWindow::merge(Range block) noexcept {
  if (block.begin <= una_ || block.end > nxt_ || block.empty()) return false;
  if (sacked_in(block.begin, block.end) == block.end - block.begin) return false;
  std::array<Range, std::tuple_size_v<decltype(sacked_)> + 1> all;
  std::size_t count = 0;
  std::size_t next = 0;
  while (next < sacked_count_ && sacked_[next].end < block.begin) all[count++] = sacked_[next++];
  for (; next < sacked_count_ && sacked_[next].begin <= block.end; ++next) {
    block = {std::min(block.begin, sacked_[next].begin), std::max(block.end, sacked_[next].end)};
  }
  all[count++] = block;
  while (next < sacked_count_) all[count++] = sacked_[next++];
  count = std::min(count, sacked_.size());  // the holes farthest off are noted later
  std::copy_n(all.begin(), count, sacked_.begin());
  sacked_count_ = static_cast<std::uint8_t>(count);
  return true;
}

void SendWindow::prune() noexcept {
  std::size_t count = 0;
  for (std::size_t i = 0; i < sacked_count_; ++i) {
    if (sacked_[i].begin > una_) sacked_[count++] = sacked_[i];
  }
  sacked_count_ = static_cast<std::uint8_t>(count);
}

void SendWindow::grow(std::uint32_t acked, std::uint32_t mss) noexcept {
  if (recovery_ == Recovery::fast) return;
  if (cwnd_ < ssthresh_) {
    cwnd_ = static_cast<std::uint16_t>(std::min<std::uint32_t>(cwnd_ + (acked + mss - 1) / mss, largest_cwnd_));
    return;
  }
  credit_ += acked;
  if (credit_ < cwnd_ * mss || cwnd_ == largest_cwnd_) return;
  credit_ = 0;
  ++cwnd_;
}

}  // namespace gl::tcp
