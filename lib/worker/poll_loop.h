// The loop of one worker: receive a burst, answer it to completion, send it, report a quiescent state.
// Ownership: borrows its context. Thread: the worker's lcore; returns after Shared::stop was set.
#pragma once

#include "lib/worker/context.h"

namespace gl::worker {

void poll_loop(WorkerContext& context) noexcept;

// One round of it: every port once. Returns how many frames that brought. For benchmarks, which time it.
unsigned poll_once(WorkerContext& context, std::uint64_t cycles_per_ms) noexcept;

}  // namespace gl::worker
