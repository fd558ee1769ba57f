// The generator: polls the port, hands frames to the clients, starts exchanges and looks at timers.
// Ownership: owns output, flight and clients; borrows options, questions, pool and port. Thread: one core.
#pragma once

#include <rte_ethdev.h>

#include <cstdint>
#include <memory>

#include "app/load/neighbour.h"
#include "app/load/queries.h"
#include "app/load/report.h"
#include "lib/base/result.h"

namespace gl::load {

class Generator {
 public:
  // The port is started and has one queue. Where no --target-mac is given this asks for it, up to three seconds.
  [[nodiscard]] static Result<std::unique_ptr<Generator>> make(const Options& options, const Queries& queries,
                                                               rte_mempool* pool);
  virtual ~Generator() = default;

  // One round: a burst in, what follows from it out. Returns the frames that came.
  virtual std::size_t poll() noexcept = 0;
  // From now on exchanges end and none begins.
  virtual void drain() noexcept = 0;
  // After drain(): exchanges begin again.
  virtual void resume() noexcept = 0;
  [[nodiscard]] virtual std::size_t in_flight() const noexcept = 0;
  [[nodiscard]] virtual const Report& report() const noexcept = 0;
  [[nodiscard]] virtual const Output& output() const noexcept = 0;
};

// Polls for --duration, then until what is in flight has ended or given up; a line a second on standard error,
// the totals on standard output. `stop` ends it early.
void run(Generator& generator, const Options& options, const volatile bool& stop);

}  // namespace gl::load
