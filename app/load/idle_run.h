// What idle connections cost: a crowd of them is opened and left alone, the memory read before and after, and then each
// asks, twice, and closes.
// Units: connections, seconds. Ownership: borrows all. Thread: the clients' core; the server's where both share one.
#pragma once

#include <rte_mempool.h>

#include <cstdint>
#include <functional>
#include <span>

#include "app/load/idle_connections.h"

namespace gl::load {

struct IdleRun {
  IdleConnections& crowd;
  std::uint32_t connections = 0;
  double rest_seconds = 1;              // how long they are left alone
  std::function<void()> serve;          // the server's turn; empty where it has a core of its own
  std::span<rte_mempool* const> pools;  // of both sides
  bool json = false;
  const volatile bool& stop;
};

// Prints the figures. True where every query on every connection was answered as it should be, nothing was sent to an
// idle one, and the memory is the same, but for 64 KiB.
[[nodiscard]] bool run_idle(const IdleRun& run);

}  // namespace gl::load
