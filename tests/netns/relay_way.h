// One direction of the relay: frames that are on their way, and what becomes of each.
// Units: nanoseconds of the monotonic clock. Ownership: keeps its own copy of each frame, bounded by kMostBytes and
// kMostFrames. Thread: one. Errors: what cannot be taken is counted.
#pragma once

#include <algorithm>
#include <cstdint>
#include <random>
#include <span>
#include <vector>

#include "tests/netns/relay_options.h"

namespace gl::relay {

inline constexpr std::size_t kLargestFrame = 9'018;  // 9,000 bytes behind an Ethernet header, and a tag's worth

struct Counts {
  std::uint64_t forwarded = 0, bytes = 0, lost = 0, queue_full = 0, doubled = 0, overtook = 0, too_long = 0,
                not_sent = 0;
  std::int64_t latest_ns = 0;  // the most that a frame left after its time
};

class OneWay {
 public:
  OneWay(const Way& way, std::uint64_t seed) : way_(way), random_(seed) {}

  // A frame that has come at this time.
  void take(std::span<const std::uint8_t> frame, std::int64_t at) {
    const Fate fate = is_neighbourly(frame) ? Fate{.jitter = draw_fate().jitter} : draw_fate();
    if (fate.lost) return void(++counts.lost);
    if (bytes_ + frame.size() > kMostBytes || frames_.size() >= kMostFrames || !wait_for_rate(frame.size(), at)) {
      return void(++counts.queue_full);
    }
    std::int64_t due = (way_.rate > 0 ? busy_until_ : at) + way_.delay_ns + fate.jitter;
    if (fate.overtakes) {
      counts.overtook += due < last_due_;
    } else {
      due = std::max(due, last_due_);
    }
    last_due_ = std::max(due, last_due_);
    push(frame, due);
    if (fate.twice) push(frame, due), ++counts.doubled;
  }

  // When the next frame leaves; false if none is on its way.
  bool next(std::int64_t& due) const {
    if (!frames_.empty()) due = frames_.front().due;
    return !frames_.empty();
  }

  // Gives what is due now to send(frame), which says whether it could.
  template <typename Send>
  void leave(std::int64_t now, Send&& send) {
    while (!frames_.empty() && frames_.front().due <= now) {
      std::ranges::pop_heap(frames_, later);
      const Frame frame = std::move(frames_.back());
      frames_.pop_back();
      bytes_ -= frame.data.size();
      counts.latest_ns = std::max(counts.latest_ns, now - frame.due);
      if (send(std::span<const std::uint8_t>(frame.data))) {
        ++counts.forwarded;
        counts.bytes += frame.data.size();
      } else {
        ++counts.not_sent;
      }
    }
  }

  Counts counts;

 private:
  static constexpr std::size_t kMostBytes = 64 << 20, kMostFrames = 1 << 18;

  struct Frame {
    std::int64_t due;
    std::uint64_t number;
    std::vector<std::uint8_t> data;
  };
  struct Fate {
    bool lost = false, twice = false, overtakes = false;
    std::int64_t jitter = 0;
  };

  static bool later(const Frame& a, const Frame& b) { return a.due != b.due ? a.due > b.due : a.number > b.number; }

  // ARP, or ICMPv6 of types 133 to 137. Kernels give up on a neighbour after three losses, which is no subject of any
  // test.
  static bool is_neighbourly(std::span<const std::uint8_t> f) {
    constexpr std::size_t kIpv6 = 14, kNextHeader = kIpv6 + 6, kType = kIpv6 + 40;
    if (f.size() < kIpv6) return false;
    if (f[12] == 0x08 && f[13] == 0x06) return true;
    return f[12] == 0x86 && f[13] == 0xdd && f.size() > kType && f[kNextHeader] == 58 && f[kType] >= 133 &&
           f[kType] <= 137;
  }

  // Always as many draws, so that the nth frame's fate is the same whatever befell the others.
  Fate draw_fate() {
    const double lost = draw(), twice = draw(), overtakes = draw(), jitter = draw();
    return {.lost = lost < way_.loss,
            .twice = twice < way_.duplicate,
            .overtakes = overtakes < way_.reorder,
            .jitter = static_cast<std::int64_t>(jitter * static_cast<double>(way_.jitter_ns))};
  }

  double draw() { return static_cast<double>(random_() >> 11) * 0x1p-53; }

  bool wait_for_rate(std::size_t length, std::int64_t at) {
    if (way_.rate <= 0) return true;
    const std::int64_t start = std::max(at, busy_until_);
    if (static_cast<double>(start - at) * 1e-9 * way_.rate > way_.queue_bytes) return false;
    busy_until_ = start + static_cast<std::int64_t>(static_cast<double>(length) / way_.rate * 1e9);
    return true;
  }

  void push(std::span<const std::uint8_t> frame, std::int64_t due) {
    frames_.push_back({due, number_++, {frame.begin(), frame.end()}});
    std::ranges::push_heap(frames_, later);
    bytes_ += frame.size();
  }

  Way way_;
  std::mt19937_64 random_;
  std::vector<Frame> frames_;
  std::size_t bytes_ = 0;
  std::uint64_t number_ = 0;
  std::int64_t busy_until_ = 0, last_due_ = 0;
};

}  // namespace gl::relay
