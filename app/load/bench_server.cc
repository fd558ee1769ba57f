#include "app/load/bench_server.h"

#include <rte_cycles.h>
#include <sodium.h>

#include <span>
#include <stdexcept>
#include <utility>

#include "lib/control/options/parse_forward.h"
#include "lib/control/start/services.h"
#include "lib/worker/poll_loop.h"
#include "lib/worker/port_backend_tx.h"

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
    if (module->enabled()) module->settle();
  }
  for (const auto& module : server.modules) {
    if (!module->enabled()) continue;
    const auto loaded = module->load(
        {.quiesce = [] {}, .linger_seconds = 120, .derive_key = [](std::string_view) { return tcp::SipKey{}; }});
    if (!loaded) throw std::runtime_error(loaded.error());
  }
}

}  // namespace

BenchState::BenchState(unsigned workers, zone::LoadedZones zones, std::uint16_t service_port,
                       const std::vector<ServiceFlag>& services, std::uint32_t flow_cache)
    : shared_(workers), zones_(std::move(zones)) {
  for (auto& key : keys_.by_parity) randombytes_buf(key.data(), key.size());
  randombytes_buf(dns_secrets_.current.data(), dns_secrets_.current.size());
  published_.current = zones_.snapshot.get();
  shared_.keys.store(&keys_);
  published_zones_.store(&published_);
  settings_.tcp.flow_cache = flow_cache;
  settings_.service_ports = {services.empty() ? service_port : std::uint16_t{53}};
  serve(settings_, services);
  settings_.zones.emplace_back();  // so that there are zones to serve
}

void BenchState::forward_to(BenchBackend& backend) {
  constexpr const char* kEverything = "203.0.113.1";  // kBenchBackend
  auto entry = control::parse_forward(kEverything);
  if (!entry) throw std::runtime_error(entry.error());
  check(control::add_forward(settings_.forward, std::move(*entry)));
  settings_.forward.payload = settings_.dns.max_udp;
  settings_.zones.clear();
  published_zones_.store(nullptr);
  const std::vector<worker::ReplyPath> replies = {{kBenchBackend, 53, kBenchForwarder, {}}};
  paths_ = std::make_unique<worker::ForwardPaths>(worker::SourcePorts(replies, 1, settings_.service_ports));
  const auto next_hop = paths_->neighbours.add({1, kBenchBackend, kBenchForwarder});
  paths_->backends = {{1, kBenchForwarder, kBenchBackend, 53, next_hop.value()}};
  constexpr wire::MacAddress kMac{{2, 0, 0, 0, 0, 0x53}};
  paths_->neighbours.learn(1, kBenchBackend, {kMac, datapath::Heard::answer});
  backend_ = &backend;
}

void BenchServer::forward(BenchBackend& backend) {
  const dpdk::Port& port = backend.server_side().port;
  behind_.index = 1;
  behind_.mac = port.mac();
  behind_.mtu = port.mtu();
  (void)behind_.add(kBenchForwarder);
  behind_.neighbours = interface_.neighbours = &state_.paths_->neighbours;
  behind_.backends = interface_.backends = &state_.paths_->ports.owners();
  worker::PortQueue& queue = context_->ports[context_->port_count++];
  queue.port = port.id();
  queue.interface = &behind_;
  queue.out.bind(port.id(), 0, port.offloads().any_tx());
  const auto ports = std::span(context_->ports).first(context_->port_count);
  context_->backend_tx =
      std::make_unique<worker::PortBackendTx>(*state_.paths_, 0, ports, context_->settings.pool, context_->counters);
  context_->forwarder = std::make_unique<backend::Forwarder>(state_.settings_.forward, *context_->backend_tx, nullptr,
                                                             port.frame_length());
  context_->pipeline.forward_to({context_->forwarder.get(), 0, &state_.paths_->ports.owners()});
}

BenchServer::BenchServer(BenchState& state, const BenchPlace& place, const dpdk::Port& port, rte_mempool* pool,
                         const wire::IpAddress& address)
    : state_(state), worker_(place.worker), cycles_per_ms_(rte_get_tsc_hz() / 1000) {
  interface_.mac = port.mac();
  interface_.mtu = port.mtu();
  interface_.tx_ipv4_checksum = port.offloads().tx_ipv4_checksum;
  interface_.tx_udp_checksum = port.offloads().tx_udp_checksum;
  interface_.tx_tcp_checksum = port.offloads().tx_tcp_checksum;
  std::visit([this](const auto& a) { (void)interface_.add(a); }, address);  // the first one has room

  worker::WorkerSettings settings;
  settings.index = place.worker;
  settings.lcore = place.lcore;
  settings.pool = pool;
  context_ = std::make_unique<worker::WorkerContext>(settings, state_.settings_.tcp, state_.shared_);
  context_->ports[0].port = port.id();
  context_->ports[0].interface = &interface_;
  context_->ports[0].out.bind(port.id(), static_cast<std::uint16_t>(place.worker), port.offloads().any_tx());
  context_->port_count = 1;
  if (state_.backend_ != nullptr) forward(*state_.backend_);
  check(control::add_services(*context_, state_.settings_, state_.published_zones_, state_.dns_cookies_));
  rte_rcu_qsbr* const quiescent = state_.shared_.quiescent.get();
  rte_rcu_qsbr_thread_register(quiescent, worker_);
  rte_rcu_qsbr_thread_online(quiescent, worker_);
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
  rte_rcu_qsbr_quiescent(state_.shared_.quiescent.get(), worker_);
}

void BenchServer::loop() noexcept {
  while (!state_.shared_.stop.load(std::memory_order_relaxed)) round();
}

}  // namespace gl::load
