// The server under test: one worker with the real pipeline, responder, zone service and zone, as app/goldilocks makes
// it, and the time it takes. Units: TSC cycles, frames. Ownership: owns context, keys and zones; borrows port and pool.
// Thread: made on the main core, polled by one core; the figures are read when that core has stopped. Errors: one line.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "lib/base/result.h"
#include "lib/dpdk/port.h"
#include "lib/service/module.h"
#include "lib/wire/address.h"
#include "lib/worker/context.h"
#include "lib/zone/loader.h"
#include "lib/zone/published.h"
#include "lib/zone/snapshot.h"

namespace gl::load {

struct ServerTimes {
  std::uint64_t cycles = 0;        // in rounds that brought frames
  std::uint64_t frames = 0;        // received
  std::uint64_t bursts = 0;        // rounds that brought frames
  std::uint64_t total_cycles = 0;  // in all rounds
};

struct ServiceFlag {
  std::string name;
  std::string value;
};

class BenchServer {
 public:
  // services: flags of the server without their dashes, and their values. Where there are any, the zones are served on
  // port 53, and otherwise on `service_port`. flow_cache: connections that are remembered (--flow-cache).
  BenchServer(const dpdk::Port& port, rte_mempool* pool, const wire::IpAddress& address, std::uint16_t service_port,
              zone::LoadedZones zones, const std::vector<ServiceFlag>& services, std::uint32_t flow_cache);

  // Polls until the rings are empty.
  void drain() noexcept;
  // Polls until stop().
  void loop() noexcept;
  void stop() noexcept { shared_.stop.store(true); }

  [[nodiscard]] const ServerTimes& times() const noexcept { return times_; }
  [[nodiscard]] const datapath::CoreCounters& counters() const noexcept { return context_->counters; }

 private:
  // One timed round; the frames it brought.
  unsigned round() noexcept;

  worker::Shared shared_{1};
  tcp::CookieKeys keys_;
  zone::LoadedZones zones_;
  zone::PublishedZones published_;
  std::atomic<const zone::PublishedZones*> published_zones_{nullptr};
  datapath::Interface interface_;
  std::vector<std::shared_ptr<ServiceModule>> modules_;  // of services beside DNS
  std::unique_ptr<worker::WorkerContext> context_;
  std::uint64_t cycles_per_ms_;
  ServerTimes times_;
};

}  // namespace gl::load
