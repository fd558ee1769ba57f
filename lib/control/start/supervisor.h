// What the main core does while the workers poll: signals, timers, and lines for the operator.
// Ownership: borrows. Thread: main core.
#pragma once

#include <cstdint>

#include "lib/base/result.h"
#include "lib/control/keys/key_store.h"
#include "lib/control/start/workers.h"
#include "lib/control/zones/zone_store.h"

namespace gl::control {

// Before any thread exists: SIGINT, SIGTERM and SIGHUP reach only the main core, through its descriptor.
[[nodiscard]] Result<int> block_signals();

// Seconds since 1970, and seconds of the monotonic clock.
[[nodiscard]] std::uint64_t unix_time();
[[nodiscard]] std::uint64_t monotonic_seconds();

class Supervisor {
 public:
  Supervisor(int signals, KeyStore& keys, ZoneStore& zones, const Workers& workers, const services::Modules& modules)
      : signals_(signals), keys_(keys), zones_(zones), workers_(workers), modules_(modules) {}

  // Returns after SIGINT or SIGTERM.
  void run();

 private:
  [[nodiscard]] bool on_signal();
  void reload();
  void report_conflicts();

  int signals_;
  KeyStore& keys_;
  ZoneStore& zones_;
  const Workers& workers_;
  const services::Modules& modules_;
  std::uint64_t conflicts_ = 0;    // reported so far
  std::uint64_t next_report_ = 0;  // monotonic seconds
};

}  // namespace gl::control
