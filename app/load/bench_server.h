// The server under test: one worker with the real pipeline, responder, zone service and zone, as app/goldilocks makes
// it, and the time it takes. Units: TSC cycles, frames. Ownership: owns its context; borrows state, port and pool.
// Thread: made on the main core, polled by one core; the figures are read when that core has stopped. Errors: one line.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "app/load/bench_backend.h"
#include "lib/base/result.h"
#include "lib/control/options/settings.h"
#include "lib/dns/server_cookie.h"
#include "lib/dpdk/port.h"
#include "lib/wire/address.h"
#include "lib/worker/context.h"
#include "lib/worker/forward_paths.h"
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

// What the workers of the real program share: one of it, however many cores there are.
// Ownership: owns keys, zones and what the services read; outlives the servers. Thread: made on the main core, then
// read by all.
class BenchState {
 public:
  // services: flags of the server without their dashes, and their values. Where there are any, the zones are served on
  // port 53, and otherwise on `service_port`. flow_cache: connections that a core remembers (--flow-cache).
  BenchState(unsigned workers, zone::LoadedZones zones, std::uint16_t service_port,
             const std::vector<ServiceFlag>& services, std::uint32_t flow_cache);
  // Before the server is made: names that no zone has are asked of this one. Only with one worker.
  void forward_to(BenchBackend& backend);

  void stop() noexcept { shared_.stop.store(true); }

 private:
  friend class BenchServer;
  control::Settings settings_;
  worker::Shared shared_;
  tcp::CookieKeys keys_;
  zone::LoadedZones zones_;
  zone::PublishedZones published_;
  std::atomic<const zone::PublishedZones*> published_zones_{nullptr};
  BenchBackend* backend_ = nullptr;
  std::unique_ptr<worker::ForwardPaths> paths_;
  dns::CookieSecrets dns_secrets_;
  dns::CookiePublication dns_cookies_{&dns_secrets_, 0};
};

// Which worker it is. Its queue on the port has its number.
struct BenchPlace {
  unsigned worker = 0;
  unsigned lcore = 0;
};

class alignas(64) BenchServer {
 public:
  BenchServer(BenchState& state, const BenchPlace& place, const dpdk::Port& port, rte_mempool* pool,
              const wire::IpAddress& address);

  // Polls until the rings are empty, and reports a quiescent state as the poll loop does.
  void drain() noexcept;
  // Polls until the state's stop().
  void loop() noexcept;

  [[nodiscard]] const ServerTimes& times() const noexcept { return times_; }
  [[nodiscard]] const datapath::CoreCounters& counters() const noexcept { return context_->counters; }

 private:
  void forward(BenchBackend& backend);
  // One timed round; the frames it brought.
  unsigned round() noexcept;

  BenchState& state_;
  unsigned worker_;
  datapath::Interface interface_;
  datapath::Interface behind_;  // toward the name server, where there is one
  std::unique_ptr<worker::WorkerContext> context_;
  std::uint64_t cycles_per_ms_;
  ServerTimes times_;
};

}  // namespace gl::load
