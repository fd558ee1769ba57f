// Before a burst is answered: which request each of its frames seems to have, for a service that looks ahead.
// Byte order: wire. Ownership: borrows the frames. Thread: the worker's. Errors: none: where a frame is not what it
// seems, memory is fetched that nobody reads.
#pragma once

#include <rte_mbuf.h>

#include <cstdint>
#include <span>

#include "lib/base/bytes.h"
#include "lib/service/registry.h"

namespace gl::worker {

// The request in a frame to the service, over UDP or at the beginning of a TCP segment, there without what says how
// long it is; empty: none is seen. Nothing behind the frame is read, and nothing is checked but that.
[[nodiscard]] Bytes request_in(Bytes frame, const Registry::Ahead& ahead) noexcept;

void look_ahead(const Registry::Ahead& ahead, std::span<rte_mbuf* const> burst) noexcept;

}  // namespace gl::worker
