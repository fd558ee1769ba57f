// What the stages need before the first frame of a round: the time, and what is published. Begun once, and only in a
// round that has something to do. Units: milliseconds, TSC cycles. Ownership: borrows the context. Thread: the
// worker's.
#pragma once

#include <rte_cycles.h>

#include <cstdint>

#include "lib/worker/context.h"

namespace gl::worker {

class Round {
 public:
  Round(WorkerContext& context, std::uint64_t cycles_per_ms) noexcept : context_(context), per_ms_(cycles_per_ms) {}

  void begin() noexcept {
    if (begun_) return;
    begun_ = true;
    const std::uint64_t now_ms = rte_get_tsc_cycles() / per_ms_;
    context_.responder.begin_burst(now_ms, *context_.shared.keys.load(std::memory_order_acquire));
    context_.services.begin_burst(now_ms);
  }

 private:
  WorkerContext& context_;
  const std::uint64_t per_ms_;
  bool begun_ = false;
};

}  // namespace gl::worker
