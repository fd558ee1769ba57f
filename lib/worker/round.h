// What the stages need before the first frame of a round: the time, and what is published. Begun once, and only in a
// round that has something to do; its end says how long that took. Units: milliseconds, TSC cycles. Ownership: borrows
// the context. Thread: the worker's.
#pragma once

#include <rte_cycles.h>

#include <cstdint>

#include "lib/worker/context.h"

namespace gl::worker {

class Round {
 public:
  Round(WorkerContext& context, std::uint64_t cycles_per_ms) noexcept : context_(context), per_ms_(cycles_per_ms) {}

  void begin() noexcept {
    if (began_ != 0) return;
    began_ = rte_get_tsc_cycles();
    const std::uint64_t now_ms = began_ / per_ms_;
    context_.responder.begin_burst(now_ms, *context_.shared.keys.load(std::memory_order_acquire));
    context_.services.begin_burst(now_ms);
    if (context_.kernel_gate != nullptr) context_.kernel_gate->refill(now_ms);
  }
  void end() noexcept {
    if (began_ == 0) return context_.load.idle_round();
    context_.load.busy_round(began_, rte_get_tsc_cycles());
  }

 private:
  WorkerContext& context_;
  const std::uint64_t per_ms_;
  std::uint64_t began_ = 0;  // 0: nothing to do so far
};

}  // namespace gl::worker
