// How busy one core is: rounds of its loop, the cycles of those that had something to do, the sizes of bursts.
// Units: TSC cycles, frames. Ownership: a worker's context. Thread: that core writes; the main core's threads read the
// counters. A round without work costs one increment and no look at the TSC: the idle cycles are what is left.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

#include "lib/base/counter.h"
#include "lib/dpdk/burst.h"

namespace gl::worker {

// Bursts by powers of two: bucket n holds those of more than 2^(n-1) and up to 2^n frames.
inline constexpr std::size_t kBurstBuckets = std::bit_width(unsigned{dpdk::kBurst - 1}) + 1;

class CoreLoad {
 public:
  // Before the first round.
  void start(std::uint64_t now) noexcept { started_.add(now); }
  // `count` frames came at once; at least one, at most dpdk::kBurst.
  void burst(unsigned count) noexcept { bursts_[static_cast<std::size_t>(std::bit_width(count - 1))].add(); }
  // A round ended that had nothing to do.
  void idle_round() noexcept {
    rounds_.add();
    last_end_ = 0;
  }
  // The core slept until a frame came, or its time was up.
  void slept(bool woken) noexcept {
    sleeps_.add();
    if (woken) interrupts_.add();
  }
  // A round ended whose work began at `began`. Right behind another such round it began when that one ended: what the
  // ports took to bring the frames belongs to it.
  void busy_round(std::uint64_t began, std::uint64_t now) noexcept {
    rounds_.add();
    busy_cycles_.add(now - (last_end_ != 0 ? last_end_ : began));
    last_end_ = now;
  }

  // 0: not yet.
  [[nodiscard]] std::uint64_t started() const noexcept { return started_.value(); }
  [[nodiscard]] std::uint64_t rounds() const noexcept { return rounds_.value(); }
  [[nodiscard]] std::uint64_t busy_cycles() const noexcept { return busy_cycles_.value(); }
  [[nodiscard]] std::uint64_t sleeps() const noexcept { return sleeps_.value(); }
  [[nodiscard]] std::uint64_t interrupts() const noexcept { return interrupts_.value(); }
  [[nodiscard]] std::uint64_t bursts(std::size_t bucket) const noexcept { return bursts_[bucket].value(); }

 private:
  Counter started_;
  Counter rounds_;
  Counter busy_cycles_;
  Counter sleeps_;
  Counter interrupts_;  // of these, those that a frame ended
  std::array<Counter, kBurstBuckets> bursts_;
  std::uint64_t last_end_ = 0;  // of the round before, if that was busy; the core's alone
};

}  // namespace gl::worker
