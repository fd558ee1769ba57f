// Connections that stay open: each is opened, rests, asks when it is told to, rests again, and is closed.
// Units: connections. Ownership: owns clients and line; borrows options, questions and pool. Thread: one core.
#pragma once

#include <rte_mempool.h>

#include <cstdint>
#include <memory>

#include "app/load/queries.h"
#include "app/load/report.h"
#include "lib/base/result.h"

namespace gl::load {

enum class Step : std::uint8_t { open, ask, close };

class IdleConnections {
 public:
  // All that it will ever need is allocated and touched here. `options.connections` is a power of two, and the most.
  [[nodiscard]] static Result<std::unique_ptr<IdleConnections>> make(const Options& options, const Queries& queries,
                                                                     rte_mempool* pool);
  virtual ~IdleConnections() = default;

  // The first `count` connections take this step, some hundred at a time: those that rest ask or close, all others
  // are passed over.
  virtual void begin(Step step, std::uint32_t count) noexcept = 0;
  // One round: a burst in, what follows from it out.
  virtual void poll() noexcept = 0;
  // Whether every connection has taken the step, or given up.
  [[nodiscard]] virtual bool done() const noexcept = 0;

  // How many rest now: a walk over all of them.
  [[nodiscard]] virtual std::uint32_t resting() noexcept = 0;
  [[nodiscard]] virtual const Report& report() const noexcept = 0;
  // Buffers that the clients keep at hand.
  [[nodiscard]] virtual std::size_t buffers() const noexcept = 0;
};

}  // namespace gl::load
