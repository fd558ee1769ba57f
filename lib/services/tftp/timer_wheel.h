// Deadlines of a fixed number of things, each of which has one at most. Setting and cancelling cost the same however
// many there are; a deadline is noticed up to one tick late. Longer ones than a turn of the wheel are passed over until
// their turn.
// Units: milliseconds of a monotonic clock. Ownership: its own arrays, made once. Thread: that core only. Errors: none.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <limits>
#include <vector>

namespace gl::tftp {

class TimerWheel {
 public:
  static constexpr std::uint64_t kTick = 16;
  static constexpr std::uint64_t kNever = std::numeric_limits<std::uint64_t>::max();

  explicit TimerWheel(std::uint32_t count) : nodes_(count) { heads_.fill(kNone); }

  void set(std::uint32_t id, std::uint64_t at, std::uint64_t now) noexcept {
    cancel(id);
    if (count_++ == 0) tick_ = now / kTick;
    // Behind the deadline, and never in the slot that is being gone through.
    const std::uint64_t tick = std::max(at / kTick, tick_) + 1;
    link(id, static_cast<std::uint32_t>(tick % kSlots), at);
  }
  void cancel(std::uint32_t id) noexcept {
    if (nodes_[id].slot == kNone) return;
    unlink(id);
    --count_;
  }
  // The next time that run() has something to look at.
  [[nodiscard]] std::uint64_t next() const noexcept { return count_ == 0 ? kNever : (tick_ + 1) * kTick; }
  // Calls `due(id)` for each whose deadline has passed, which has none then. `due` may set and cancel this one only.
  template <class Due>
  void run(std::uint64_t now, Due due) noexcept {
    const std::uint64_t end = now / kTick;
    if (end > tick_ + kSlots) tick_ = end - kSlots;
    while (tick_ < end && count_ != 0) {
      ++tick_;
      for (std::uint32_t id = heads_[tick_ % kSlots], next = kNone; id != kNone; id = next) {
        next = nodes_[id].next;
        if (nodes_[id].at > now) continue;
        cancel(id);
        due(id);
      }
    }
  }

 private:
  static constexpr std::uint32_t kSlots = 512;  // 8 s
  static constexpr std::uint32_t kNone = std::numeric_limits<std::uint32_t>::max();
  struct Node {
    std::uint64_t at = 0;
    std::uint32_t previous = kNone;
    std::uint32_t next = kNone;
    std::uint32_t slot = kNone;
  };

  void link(std::uint32_t id, std::uint32_t slot, std::uint64_t at) noexcept {
    nodes_[id] = {at, kNone, heads_[slot], slot};
    if (heads_[slot] != kNone) nodes_[heads_[slot]].previous = id;
    heads_[slot] = id;
  }
  void unlink(std::uint32_t id) noexcept {
    Node& node = nodes_[id];
    (node.previous == kNone ? heads_[node.slot] : nodes_[node.previous].next) = node.next;
    if (node.next != kNone) nodes_[node.next].previous = node.previous;
    node.slot = kNone;
  }

  std::vector<Node> nodes_;
  std::array<std::uint32_t, kSlots> heads_{};
  std::uint64_t tick_ = 0;  // gone through
  std::uint32_t count_ = 0;
};

}  // namespace gl::tftp
