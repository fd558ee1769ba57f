// The port to this machine's kernel that stands beside a service's port: frames go there and come from there as they
// are. Ownership: takes the mbufs. Thread: the worker's. Errors: counted.
#pragma once

#include "lib/worker/context.h"
#include "lib/worker/round.h"

namespace gl::worker {

// A frame of `port` that ended as `to_kernel`.
void give_to_kernel(WorkerContext& context, PortQueue& port, dpdk::Mbuf frame) noexcept;

// A burst of each such port, out of the service's port beside it. How many frames.
unsigned take_from_kernel(WorkerContext& context, Round& round) noexcept;

}  // namespace gl::worker
