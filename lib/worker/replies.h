// Replies of the backends that do not come in one frame to the core that asked: fragments, and frames
// that another core received. Ownership: takes the mbufs. Thread: the worker's. Errors: counted.
#pragma once

#include "lib/worker/context.h"

namespace gl::worker {

// A frame that ended as `fragment_kept`; where it makes a datagram whole, that runs through the stages.
void keep_fragment(WorkerContext& context, PortQueue& port, rte_mbuf* fragment) noexcept;

// What other cores have handed off, through the stages. How many.
unsigned take_handed_off(WorkerContext& context) noexcept;

}  // namespace gl::worker
