// Frames that wait for an answer: fixed slots, chained behind the question they wait for, found by flow and request.
// When the question is answered its chain moves to the ready queue at once, whatever its length.
// Ownership: copies of the frames. Thread: one core's own. Errors: by value; room is asked for before.
#pragma once

#include <cstdint>
#include <vector>

#include "lib/backend/client_query.h"
#include "lib/service/suspender.h"

namespace gl::backend {

struct WaiterChain {
  static constexpr std::uint32_t kNone = 0xffffffff;
  std::uint32_t head = kNone;
  std::uint32_t tail = kNone;
};

class Waiters {
 public:
  static constexpr std::uint32_t kNone = WaiterChain::kNone;

  // One slot more than `count`: a frame that was resumed may have to wait again before its slot is free.
  Waiters(std::size_t count, std::size_t frame_bytes);

  struct Waiter {
    std::uint64_t tag = 0;
    QuestionKey key{};           // of the question waited for; {}: not known
    std::uint64_t asked_at = 0;  // the head of the store's log when the frame first waited
    std::uint32_t next = kNone;
    std::uint32_t next_in_bucket = kNone;
    Suspended frame{};
  };
  [[nodiscard]] const Waiter& operator[](std::uint32_t i) const noexcept { return waiters_[i]; }

  // A frame that is resumed has a slot that is about to become free.
  [[nodiscard]] bool has_room() const noexcept { return free_count_ > (is_resuming() ? 0U : 1U); }
  // Or one with this tag waits already.
  [[nodiscard]] bool has_room_for(std::uint64_t tag) const noexcept { return has_room() || find(tag) != kNone; }
  // Whether only the last quarter is free.
  [[nodiscard]] bool is_crowded() const noexcept { return free_count_ <= 1 + (waiters_.size() - 1) / 4; }
  [[nodiscard]] std::uint32_t find(std::uint64_t tag) const noexcept;
  // Whether `what` is to be added. It is not where it waits already; where nobody said `pending`; or where it is longer
  // than agreed: then it comes again by itself.
  [[nodiscard]] bool admits(const Suspended& what, const Ticket& ticket) noexcept;
  // It was admitted, and there is room. It waits behind `chain`.
  void add(const Waiter& waiter, const Suspended& what, WaiterChain& chain) noexcept;

  // Everyone in the chain is ready; the chain is empty then.
  void make_ready(WaiterChain& chain) noexcept;
  [[nodiscard]] WaiterChain& ready() noexcept { return ready_; }
  // As Suspender's.
  [[nodiscard]] const Suspended* resume() noexcept;
  void release_resumed() noexcept;
  [[nodiscard]] bool is_resuming() const noexcept { return resumed_ != kNone; }
  // The one that is resumed now; else null.
  [[nodiscard]] const Waiter* resumed() const noexcept { return is_resuming() ? &waiters_[resumed_] : nullptr; }
  // That one, if it has this tag; else null.
  [[nodiscard]] const Waiter* resumed(std::uint64_t tag) const noexcept {
    return is_resuming() && waiters_[resumed_].tag == tag ? &waiters_[resumed_] : nullptr;
  }

 private:
  [[nodiscard]] bool fits(Bytes frame) const noexcept { return frame.size() <= frame_bytes_; }
  // The first that is ready, or kNone. Its slot stays taken until release().
  [[nodiscard]] std::uint32_t take_ready() noexcept;
  void release(std::uint32_t i) noexcept;
  [[nodiscard]] std::uint32_t& bucket(std::uint64_t tag) noexcept { return buckets_[tag & (buckets_.size() - 1)]; }
  void copy(std::uint32_t i, const Suspended& what) noexcept;

  std::size_t frame_bytes_;
  std::vector<std::uint8_t> frames_;
  std::vector<Waiter> waiters_;
  std::vector<std::uint32_t> buckets_;
  std::uint32_t free_ = kNone;
  std::size_t free_count_ = 0;
  WaiterChain ready_;
  std::uint32_t resumed_ = kNone;
};

}  // namespace gl::backend
