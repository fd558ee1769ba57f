// What the main core does while the workers poll: signals, timers, and lines for the operator.
// Ownership: borrows. Thread: main core.
#pragma once

#include <atomic>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "lib/base/result.h"
#include "lib/control/keys/key_store.h"
#include "lib/control/start/service_manager.h"
#include "lib/control/start/workers.h"
#include "lib/control/transfers/transfers.h"
#include "lib/control/zones/zone_store.h"

namespace gl::control {

// Before any thread exists: SIGINT, SIGTERM and SIGHUP reach only the main core, through its descriptor.
[[nodiscard]] Result<int> block_signals();

// Seconds since 1970, and seconds of the monotonic clock.
[[nodiscard]] std::uint64_t unix_time();
[[nodiscard]] std::uint64_t monotonic_seconds();

class Supervisor {
 public:
  Supervisor(int signals, KeyStore& keys, ZoneStore& zones, Transfers& transfers, const Workers& workers,
             const Network& network, const services::Modules& modules, ServiceManager& manager,
             std::uint32_t drain_seconds, std::atomic<bool>& draining)
      : signals_(signals),
        keys_(keys),
        zones_(zones),
        transfers_(transfers),
        workers_(workers),
        network_(network),
        modules_(modules),
        manager_(manager),
        drain_seconds_(drain_seconds),
        draining_(draining) {}

  // Returns `drain_seconds` after SIGINT or SIGTERM, or at a second one.
  void run();

 private:
  void on_signal();
  void end(const std::string& why);
  void reload();
  void finish_reload();
  void report(const zone::ReloadedZone& zone) const;
  void tell_manager();
  void report_conflicts();
  void report_links();
  void report_backends();

  int signals_;
  KeyStore& keys_;
  ZoneStore& zones_;
  Transfers& transfers_;
  const Workers& workers_;
  const Network& network_;
  const services::Modules& modules_;
  ServiceManager& manager_;
  const std::uint32_t drain_seconds_;
  std::atomic<bool>& draining_;          // read by the thread of the metrics
  std::optional<std::uint64_t> end_at_;  // monotonic seconds
  bool reloading_ = false;               // the service manager believes so
  bool reload_again_ = false;            // asked for while one was under way
  bool updating_ = false;                // what is under way are zones that were transferred
  std::vector<bool> links_;              // up, as reported last
  std::vector<bool> backends_;           // likewise
  std::uint64_t conflicts_ = 0;          // reported so far
  std::uint64_t next_report_ = 0;        // monotonic seconds
};

}  // namespace gl::control
