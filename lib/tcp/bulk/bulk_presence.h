// Which connections have a long answer on its way on some core of this process: so that a segment which another core
// receives (a packet socket's ring was full, a NIC spreads anew) is dropped, and not taken for one whose entry is lost.
// Ownership: shared by all cores. Thread: any, without locks; a core may learn of another's entry a moment late.
// Errors: two connections in 2^16 share a place: then a lost one is told so only when the other ends.
#pragma once

#include <sodium.h>

#include <array>
#include <atomic>
#include <cstdint>

#include "lib/tcp/cookie.h"

namespace gl::tcp {

class BulkPresence {
 public:
  BulkPresence() { randombytes_buf(seed_.data(), sizeof seed_); }
  BulkPresence(const BulkPresence&) = delete;
  BulkPresence& operator=(const BulkPresence&) = delete;

  void add(const FlowKey& key) noexcept { place_of(key).fetch_add(1, std::memory_order_relaxed); }
  void remove(const FlowKey& key) noexcept { place_of(key).fetch_sub(1, std::memory_order_relaxed); }
  [[nodiscard]] bool holds(const FlowKey& key) const noexcept {
    return counts_[index_of(key)].load(std::memory_order_relaxed) != 0;
  }

 private:
  [[nodiscard]] std::size_t index_of(const FlowKey& key) const noexcept { return seeded_hash(key, seed_) >> 48; }
  [[nodiscard]] std::atomic<std::uint32_t>& place_of(const FlowKey& key) noexcept { return counts_[index_of(key)]; }

  std::array<std::uint64_t, 2> seed_{};
  std::array<std::atomic<std::uint32_t>, 1u << 16> counts_{};
};

}  // namespace gl::tcp
