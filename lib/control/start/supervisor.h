// What the main core does while the workers poll: signals, timers, the control socket, and lines for the operator.
// Ownership: borrows. Thread: main core.
#pragma once

#include <atomic>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "lib/base/result.h"
#include "lib/control/ctl/control_socket.h"
#include "lib/control/ctl/operations.h"
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

class Supervisor final : public Operations {
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

  // Returns `drain_seconds` after SIGINT or SIGTERM, or at a second one; with an error, at once, where a port's device
  // was taken away. `control` may be null.
  [[nodiscard]] Status run(ControlSocket* control);

  // ---- Operations (supervisor_operations.cc)
  [[nodiscard]] State state() const override;
  [[nodiscard]] Status drain(std::optional<std::uint32_t> seconds) override;
  [[nodiscard]] Status undrain() override;
  void stop(std::optional<std::uint32_t> seconds) override;
  [[nodiscard]] std::uint64_t begin_reload() override;
  [[nodiscard]] Result<std::uint64_t> begin_reload_of(const std::string& zone) override;
  [[nodiscard]] std::optional<ReloadReport> ended_reload(std::uint64_t number) const override;
  [[nodiscard]] bool is_reloading() const override;

 private:
  void wait(ControlSocket* control);
  void on_signal();
  void end(const std::string& why, std::uint32_t seconds);
  void set_draining(bool on);
  void end_drain_in_time();
  void start_report();
  void finish_reload();
  void tell_manager();
  void report_update(const std::vector<zone::ReloadedZone>& zones) const;
  void report_zones(const std::vector<zone::ReloadedZone>& zones);
  void report_zone(const zone::ReloadedZone& zone);
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
  std::optional<std::uint64_t> undrain_at_;
  bool told_reloading_ = false;  // the service manager believes so
  bool updating_ = false;        // what is under way are zones that were transferred
  bool reload_again_ = false;    // asked for while one was under way
  std::uint64_t reloads_begun_ = 0;
  std::uint64_t reloads_ended_ = 0;
  ReloadReport report_;            // of the one begun last
  std::string secrets_error_;      // of the last reload; empty: they were read
  std::vector<bool> links_;        // up, as reported last
  std::vector<bool> backends_;     // likewise
  std::uint64_t conflicts_ = 0;    // reported so far
  std::uint64_t next_report_ = 0;  // monotonic seconds
};

}  // namespace gl::control
