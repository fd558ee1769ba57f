#include "app/load/bench_server.h"

#include <rte_cycles.h>
#include <sodium.h>

#include <stdexcept>

#include "lib/control/start/services.h"
#include "lib/worker/poll_loop.h"

namespace gl::load {

namespace {

void check(const Status& status) {
  if (!status) throw std::runtime_error(status.error());
}

void apply(const control::Settings& server, const ServiceFlag& flag) {
  for (const auto& module : server.modules) {
    for (const ServiceOption& option : module->options()) {
      if (option.name == flag.name) return check(option.apply(flag.value));
    }
  }
  throw std::runtime_error("--service: no service has the flag '" + flag.name + "'");
}

void serve(const control::Settings& server, const std::vector<ServiceFlag>& flags) {
  for (const ServiceFlag& flag : flags) apply(server, flag);
  for (const auto& module : server.modules) {
    if (!module->enabled()) continue;
    const auto loaded = module->load({.quiesce = [] {}, .linger_seconds = 120});
    if (!loaded) throw std::runtime_error(loaded.error());
  }
}

}  // namespace

BenchServer::BenchServer(const dpdk::Port& port, rte_mempool* pool, const wire::IpAddress& address,
                         std::uint16_t service_port, zone::LoadedZones zones, const std::vector<ServiceFlag>& services,
                         std::uint32_t flow_cache)
    : zones_(std::move(zones)), cycles_per_ms_(rte_get_tsc_hz() / 1000) {
  for (auto& key : keys_.by_parity) randombytes_buf(key.data(), key.size());
  published_.current = zones_.snapshot.get();
  shared_.keys.store(&keys_);
  published_zones_.store(&published_);
  interface_.mac = port.mac();
  interface_.mtu = port.mtu();
  interface_.tx_ipv4_checksum = port.offloads().tx_ipv4_checksum;
  interface_.tx_udp_checksum = port.offloads().tx_udp_checksum;
  interface_.tx_tcp_checksum = port.offloads().tx_tcp_checksum;
  std::visit([this](const auto& a) { (void)interface_.add(a); }, address);  // the first one has room

  worker::WorkerSettings settings;
  settings.lcore = rte_lcore_id();
  settings.pool = pool;
  control::Settings server;
  server.tcp.flow_cache = flow_cache;
  context_ = std::make_unique<worker::WorkerContext>(settings, server.tcp, shared_);
  context_->ports[0].port = port.id();
  context_->ports[0].interface = &interface_;
  context_->ports[0].out.bind(port.id(), 0, port.offloads().any_tx());
  context_->port_count = 1;
  server.service_ports = {services.empty() ? service_port : std::uint16_t{53}};
  serve(server, services);
  server.zones.emplace_back();  // so that there are zones to serve
  modules_ = server.modules;
  check(control::add_services(*context_, server, published_zones_));
}

unsigned BenchServer::round() noexcept {
  const std::uint64_t begin = rte_rdtsc();
  const unsigned frames = worker::poll_once(*context_, cycles_per_ms_);
  const std::uint64_t cycles = rte_rdtsc() - begin;
  times_.total_cycles += cycles;
  if (frames == 0) return 0;
  times_.cycles += cycles;
  times_.frames += frames;
  ++times_.bursts;
  return frames;
}

void BenchServer::drain() noexcept {
  while (round() != 0) {
  }
}

void BenchServer::loop() noexcept {
  while (!shared_.stop.load(std::memory_order_relaxed)) round();
}

}  // namespace gl::load
