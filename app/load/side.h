// One port of a pair of rings with its pool, configured and started.
// Ownership: owns both. Thread: made on the main core; the port is then one core's. Errors: one line.
#pragma once

#include <cstdint>
#include <string>

#include "lib/base/result.h"
#include "lib/dpdk/mbuf_pool.h"
#include "lib/dpdk/port.h"

namespace gl::load {

struct Side {
  dpdk::MbufPool pool;
  dpdk::Port port;
};

// `name`: the pool's. `queues`: as the port has them.
[[nodiscard]] Result<Side> open_side(const std::string& name, std::uint16_t id, unsigned queues = 1);

}  // namespace gl::load
