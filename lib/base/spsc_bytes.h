// Byte strings of any length from one thread to one other, without a lock: a ring of bytes in memory of its own, whose
// entries are never split.
// Units: bytes. Byte order: lengths are the host's, within the process. Ownership: owns its memory, made once. Thread:
// one calls reserve() and commit(), one other front() and pop(). Errors: an empty span where it is full, or empty.
#pragma once

#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>

#include "lib/base/bytes.h"

namespace gl {

class SpscBytes {
 public:
  // Room for `bytes` at least, each entry with 8 bytes more than it is long.
  explicit SpscBytes(std::size_t bytes)
      : size_(std::bit_ceil(bytes < 2 * kAlign ? 2 * kAlign : bytes)),
        memory_(std::make_unique<std::uint64_t[]>(size_ / kAlign)) {}

  // Room for one entry, which is seen by the other end after commit().
  [[nodiscard]] MutableBytes reserve(std::size_t length) noexcept {
    const std::size_t tail = tail_.load(std::memory_order_relaxed);
    const std::size_t whole = entry_size(length);
    const std::size_t to_end = size_ - (tail & (size_ - 1));
    const std::size_t skipped = whole > to_end ? to_end : 0;  // it would be split
    if (length >= kSkip || whole + skipped > size_) return {};
    if (tail + skipped + whole - head_seen_ > size_) {
      head_seen_ = head_.load(std::memory_order_acquire);
      if (tail + skipped + whole - head_seen_ > size_) return {};
    }
    if (skipped != 0) set_length(tail, kSkip);
    reserved_ = tail + skipped;
    set_length(reserved_, static_cast<std::uint32_t>(length));
    next_ = reserved_ + whole;
    return {at(reserved_) + kAlign, length};
  }
  void commit() noexcept { tail_.store(next_, std::memory_order_release); }

  // The oldest entry, until pop().
  [[nodiscard]] Bytes front() noexcept {
    std::size_t head = head_.load(std::memory_order_relaxed);
    if (head == tail_.load(std::memory_order_acquire)) return {};
    if (length_at(head) == kSkip) {
      head += size_ - (head & (size_ - 1));
      head_.store(head, std::memory_order_release);
    }
    return {at(head) + kAlign, length_at(head)};
  }
  // There is one.
  void pop() noexcept {
    const std::size_t head = head_.load(std::memory_order_relaxed);
    head_.store(head + entry_size(length_at(head)), std::memory_order_release);
  }

 private:
  static constexpr std::size_t kAlign = 8;
  static constexpr std::uint32_t kSkip = 0xffffffff;  // instead of a length: the next entry is at the ring's beginning

  [[nodiscard]] static constexpr std::size_t entry_size(std::size_t length) noexcept {
    return kAlign + (length + kAlign - 1) / kAlign * kAlign;
  }
  [[nodiscard]] std::uint8_t* at(std::size_t position) const noexcept {
    return reinterpret_cast<std::uint8_t*>(memory_.get()) + (position & (size_ - 1));
  }
  void set_length(std::size_t position, std::uint32_t length) noexcept { std::memcpy(at(position), &length, 4); }
  [[nodiscard]] std::uint32_t length_at(std::size_t position) const noexcept {
    std::uint32_t length = 0;
    std::memcpy(&length, at(position), 4);
    return length;
  }

  const std::size_t size_;  // a power of two
  const std::unique_ptr<std::uint64_t[]> memory_;
  // Positions only grow; that in memory is the rest by size_.
  alignas(64) std::atomic<std::size_t> tail_{0};
  std::size_t reserved_ = 0;  // the writing end's, as the two below
  std::size_t next_ = 0;
  std::size_t head_seen_ = 0;  // what is free is at least what this says
  alignas(64) std::atomic<std::size_t> head_{0};
};

}  // namespace gl
