// Values from one thread to one other, without a lock: what a core tells the main core.
// Ownership: owns its slots, made once. Thread: one calls push(), one other pop(). Errors: false where it is full or
// empty.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>

namespace gl {

template <class T, std::size_t kSlots>
class SpscQueue {
  static_assert((kSlots & (kSlots - 1)) == 0, "a power of two");

 public:
  [[nodiscard]] bool push(const T& value) noexcept {
    const std::size_t tail = tail_.load(std::memory_order_relaxed);
    if (tail - head_.load(std::memory_order_acquire) == kSlots) return false;
    slots_[tail % kSlots] = value;
    tail_.store(tail + 1, std::memory_order_release);
    return true;
  }
  [[nodiscard]] bool pop(T& value) noexcept {
    const std::size_t head = head_.load(std::memory_order_relaxed);
    if (head == tail_.load(std::memory_order_acquire)) return false;
    value = slots_[head % kSlots];
    head_.store(head + 1, std::memory_order_release);
    return true;
  }

 private:
  alignas(64) std::atomic<std::size_t> tail_{0};
  alignas(64) std::atomic<std::size_t> head_{0};
  alignas(64) std::array<T, kSlots> slots_{};
};

}  // namespace gl
