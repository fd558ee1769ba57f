// /metrics over HTTP, on a kernel socket, for Prometheus, and /health for whoever sends clients here.
// libmicrohttpd's one thread serves all connections side by side, so that one that is silent or slow holds up neither
// the others nor the main core, whose CPU the thread shares. Connections are few, and end when they say nothing.
// Ownership: owns socket and thread; borrows what the exporter reads, which outlives it. Thread: made and destroyed on
// the main core. Errors: one line.
#pragma once

#include <atomic>
#include <memory>

#include "lib/base/result.h"
#include "lib/control/metrics/exporter.h"
#include "lib/control/metrics/listener.h"

struct MHD_Daemon;

namespace gl::control {

class MetricsServer {
 public:
  // What answers are made of.
  struct Asked {
    Exporter exporter;
    const std::atomic<bool>& draining;
  };
  // `draining`: the process will end soon; borrowed, the main core writes it.
  [[nodiscard]] static Result<std::unique_ptr<MetricsServer>> start(Listener listener, const Exporter& exporter,
                                                                    const std::atomic<bool>& draining);
  MetricsServer(const MetricsServer&) = delete;
  MetricsServer& operator=(const MetricsServer&) = delete;
  ~MetricsServer();

 private:
  MetricsServer(const Exporter& exporter, const std::atomic<bool>& draining) : asked_{exporter, draining} {}

  Asked asked_;  // the thread's
  MHD_Daemon* daemon_ = nullptr;
};

}  // namespace gl::control
