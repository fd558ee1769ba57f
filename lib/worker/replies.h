// What does not come in one frame to the core whose it is: fragments of backends' replies, and datagrams that another
// core received. Ownership: takes the mbufs. Thread: the worker's. Errors: counted.
#pragma once

#include "lib/worker/context.h"
#include "lib/worker/round.h"

namespace gl::worker {

// A frame that ended as `fragment_kept`; where it makes a datagram whole, that runs through the stages.
void keep_fragment(WorkerContext& context, PortQueue& port, rte_mbuf* fragment) noexcept;

// What other cores have handed off, through the stages. How many.
unsigned take_handed_off(WorkerContext& context, Round& round) noexcept;

}  // namespace gl::worker
