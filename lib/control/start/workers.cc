#include "lib/control/start/workers.h"

#include <rte_cycles.h>
#include <rte_launch.h>
#include <rte_lcore.h>

#include <span>
#include <string>
#include <utility>

#include "lib/control/start/services.h"
#include "lib/worker/poll_loop.h"
#include "lib/worker/port_backend_tx.h"
#include "lib/worker/rx_wait.h"

namespace gl::control {

namespace {

constexpr std::uint16_t kTcpOverIpv4 = 20 + 20;  // bytes of headers without options
constexpr std::uint16_t kTcpOverIpv6 = 40 + 20;

int run(void* context) {
  worker::poll_loop(*static_cast<worker::WorkerContext*>(context));
  return 0;
}

// What a worker has where questions are forwarded. The ports are bound already.
void forward(worker::WorkerContext& context, const backend::ForwardSettings& settings, worker::ForwardPaths& paths,
             std::size_t longest_frame) {
  const worker::WorkerSettings& own = context.settings;
  context.tcp_rings = std::make_unique<worker::TcpRings>();
  const auto ports = std::span(context.ports).first(context.port_count);
  context.backend_tx = std::make_unique<worker::PortBackendTx>(paths, own.index, ports, own.pool, context.counters);
  if (own.index == 0) {
    context.prober = std::make_unique<worker::NeighbourProber>(paths.neighbours, ports, own.pool, context.counters);
  }
  context.forwarder = std::make_unique<backend::Forwarder>(settings, *context.backend_tx, context.tcp_rings.get(),
                                                           longest_frame, paths.wishes);
  context.pipeline.forward_to({context.forwarder.get(), own.index, &paths.ports.owners()});
}

// The ports are bound already.
void stand_beside_kernel(worker::WorkerContext& context, const Settings& settings, const Network& network) {
  for (std::size_t i = 0; i < context.port_count; ++i) {
    const dpdk::Port* const port = network.kernel_port(i);
    if (port == nullptr) continue;
    context.ports[i].kernel = std::make_unique<worker::PortQueue>();
    worker::PortQueue& queue = *context.ports[i].kernel;
    queue.port = port->id();
    queue.interface = context.ports[i].interface;
    queue.out.bind(port->id(), static_cast<std::uint16_t>(context.settings.index), false);
  }
  context.kernel_gate = std::make_unique<datapath::KernelGate>(settings.kernel_rate, settings.kernel_peers);
  context.pipeline.beside_kernel(context.kernel_gate.get());
}

}  // namespace

Workers::Workers(const Settings& settings, const Network& network, const std::vector<unsigned>& lcores,
                 worker::Shared& shared, const std::atomic<const zone::PublishedZones*>& zones,
                 const dns::CookiePublication& cookies, worker::ForwardPaths* paths)
    : shared_(shared), rx_interrupts_(settings.rx_interrupts), handoff_(static_cast<unsigned>(lcores.size())) {
  tcp::ResponderSettings tcp = settings.tcp;
  tcp.mss_v4 = static_cast<std::uint16_t>(network.mtu() - kTcpOverIpv4);
  tcp.mss_v6 = static_cast<std::uint16_t>(network.mtu() - kTcpOverIpv6);
  for (unsigned index = 0; index < lcores.size(); ++index) {
    const worker::WorkerSettings own{index, lcores[index], settings.idle_sleep_us, network.pool(index).get()};
    auto context = std::make_unique<worker::WorkerContext>(own, tcp, shared);
    for (const dpdk::Port& port : network.ports()) {
      worker::PortQueue& queue = context->ports[context->port_count];
      queue.port = port.id();
      queue.interface = &network.interface(context->port_count++);
      queue.out.bind(port.id(), static_cast<std::uint16_t>(index), port.offloads().any_tx());
    }
    if (!settings.kernel_ports.empty()) stand_beside_kernel(*context, settings, network);
    if (paths != nullptr) forward(*context, settings.forward, *paths, network.longest_frame());
    context->services.set_place({static_cast<std::uint16_t>(index), static_cast<std::uint16_t>(lcores.size()),
                                 static_cast<std::uint16_t>(network.mtu())});
    if (settings.dnstap) taps_.push_back(std::make_unique<dns::Tap>(settings.dnstap->sample));
    services_ = add_services(*context, settings, zones, cookies, settings.dnstap ? taps_.back().get() : nullptr);
    if (!services_) return;
    if (paths == nullptr) context->pipeline.forward_to({.core = index});
    if (lcores.size() > 1 && (paths != nullptr || context->services.shares_ports_out())) {
      context->handoff = {&handoff_, index};
    }
    contexts_.push_back(std::move(context));
  }
}

Status Workers::launch() {
  if (!services_) return Error{services_.error()};
  for (const auto& context : contexts_) {
    if (context->forwarder == nullptr) continue;
    const auto socket = static_cast<int>(rte_lcore_to_socket_id(context->settings.lcore));
    auto reassembly = worker::Reassembly::create(socket, rte_get_tsc_hz() / 1000, context->counters.fragments_dropped);
    if (!reassembly) return Error{reassembly.error()};
    context->reassembly = std::move(*reassembly);
  }
  if (rx_interrupts_) {
    for (const auto& context : contexts_) {
      auto wait = worker::RxWait::create(std::span(context->ports).first(context->port_count),
                                         static_cast<std::uint16_t>(context->settings.index));
      if (!wait) return Error{wait.error()};
      context->rx_wait = std::move(*wait);
    }
  }
  running_ = true;
  for (const auto& context : contexts_) {
    if (rte_eal_remote_launch(run, context.get(), context->settings.lcore) != 0) {
      return Error{"lcore " + std::to_string(context->settings.lcore) + " does not take its worker"};
    }
  }
  return success();
}

void Workers::stop() noexcept {
  if (!running_) return;
  shared_.stop.store(true, std::memory_order_relaxed);
  rte_eal_mp_wait_lcore();
  running_ = false;
}

}  // namespace gl::control
