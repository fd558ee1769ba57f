// The workers: a context for each worker lcore, launched and joined together.
// Ownership: owns the contexts. Thread: main core. Errors: one line.
#pragma once

#include <atomic>
#include <memory>
#include <vector>

#include "lib/base/result.h"
#include "lib/control/options/settings.h"
#include "lib/control/start/network.h"
#include "lib/dns/server_cookie.h"
#include "lib/dns/tap.h"
#include "lib/worker/context.h"
#include "lib/worker/forward_paths.h"
#include "lib/worker/handoff.h"
#include "lib/zone/published.h"

namespace gl::control {

class Workers {
 public:
  // `paths` is null where nothing is forwarded; `settings`, `zones`, `cookies` and it are borrowed.
  Workers(const Settings& settings, const Network& network, const std::vector<unsigned>& lcores, worker::Shared& shared,
          const std::atomic<const zone::PublishedZones*>& zones, const dns::CookiePublication& cookies,
          worker::ForwardPaths* paths);
  Workers(const Workers&) = delete;
  Workers& operator=(const Workers&) = delete;
  ~Workers() { stop(); }

  // Zones and keys are published by then. Fails as well where a service could not be made.
  [[nodiscard]] Status launch();
  // Returns when none runs any more.
  void stop() noexcept;

  [[nodiscard]] const std::vector<std::unique_ptr<worker::WorkerContext>>& contexts() const noexcept {
    return contexts_;
  }

  // One a core where --dnstap was given, otherwise none.
  [[nodiscard]] const std::vector<std::unique_ptr<dns::Tap>>& taps() const noexcept { return taps_; }

 private:
  worker::Shared& shared_;
  const bool rx_interrupts_;
  worker::Handoff handoff_;
  std::vector<std::unique_ptr<dns::Tap>> taps_;
  std::vector<std::unique_ptr<worker::WorkerContext>> contexts_;
  Status services_ = success();
  bool running_ = false;
};

}  // namespace gl::control
