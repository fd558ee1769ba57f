#include "app/load/generator.h"

#include <rte_cycles.h>

#include "app/load/tcp_clients.h"
#include "app/load/udp_clients.h"

namespace gl::load {
namespace {

constexpr std::uint16_t kAhead = 6;  // frames whose headers are on their way into the cache

// Before the clients can be made, the link must be known, and that needs the output.
struct Base {
  Base(const Options& o, rte_mempool* pool, const wire::MacAddress& ours)
      : output(o.port_id, pool), neighbour(o, ours, output) {}
  Output output;
  Neighbour neighbour;
};

template <class Clients>
class GeneratorOf final : public Generator {
 public:
  GeneratorOf(std::unique_ptr<Base> base, const Options& o, const Queries& queries, const Link& link)
      : base_(std::move(base)), port_(o.port_id), flight_(o, queries, base_->output), clients_(flight_, link) {}

  std::size_t poll() noexcept override {
    std::array<rte_mbuf*, kBurst> burst;
    const std::uint16_t count = rte_eth_rx_burst(port_, 0, burst.data(), kBurst);
    flight_.now = rte_rdtsc();
    for (std::uint16_t i = 0; i < count && i < kAhead; ++i) rte_prefetch0(rte_pktmbuf_mtod(burst[i], void*));
    for (std::uint16_t i = 0; i < count; ++i) {
      if (i + kAhead < count) rte_prefetch0(rte_pktmbuf_mtod(burst[i + kAhead], void*));
      if (!clients_.receive(burst[i])) base_->neighbour.receive(burst[i]);
    }
    begin_idle();
    flight_.walk.step(flight_.now, [this](std::size_t i) {
      Slot& s = flight_.slots[i];
      if (s.state != State::idle && s.deadline <= flight_.now) clients_.expire(s);
    });
    base_->output.flush();
    return count;
  }

  void drain() noexcept override { flight_.draining = true; }
  [[nodiscard]] std::size_t in_flight() const noexcept override { return flight_.busy(); }
  [[nodiscard]] const Report& report() const noexcept override { return flight_.report; }
  [[nodiscard]] const Output& output() const noexcept override { return base_->output; }

 private:
  // At most a burst's worth, so that the first exchanges do not come all at once.
  void begin_idle() noexcept {
    if (flight_.draining) return;
    for (std::uint16_t i = 0; i < kBurst && !flight_.idle.empty() && flight_.pacer.take(flight_.now); ++i) {
      Slot& s = flight_.slots[flight_.idle.back()];
      flight_.idle.pop_back();
      clients_.start(s);
    }
  }

  std::unique_ptr<Base> base_;
  std::uint16_t port_;
  Flight flight_;
  Clients clients_;
};

template <class Ip>
std::unique_ptr<Generator> make_for(std::unique_ptr<Base> base, const Options& o, const Queries& q, const Link& link) {
  if (o.mode == Mode::udp) return std::make_unique<GeneratorOf<UdpClients<Ip>>>(std::move(base), o, q, link);
  if (o.timestamps) return std::make_unique<GeneratorOf<TcpClients<Ip, true>>>(std::move(base), o, q, link);
  return std::make_unique<GeneratorOf<TcpClients<Ip, false>>>(std::move(base), o, q, link);
}

}  // namespace

Result<std::unique_ptr<Generator>> Generator::make(const Options& options, const Queries& queries, rte_mempool* pool) {
  rte_ether_addr mac{};
  if (rte_eth_macaddr_get(options.port_id, &mac) != 0) {
    return Error{"--port-id: there is no DPDK port " + std::to_string(options.port_id)};
  }
  Link link;
  std::memcpy(link.ours.bytes.data(), mac.addr_bytes, 6);
  if (options.source_mac) link.ours = *options.source_mac;
  auto base = std::make_unique<Base>(options, pool, link.ours);
  if (options.target_mac) {
    link.theirs = *options.target_mac;
  } else {
    auto found = base->neighbour.resolve(options.port_id);
    if (!found) return Error{found.error()};
    link.theirs = *found;
  }
  return options.sources.v6 ? make_for<Ip6>(std::move(base), options, queries, link)
                            : make_for<Ip4>(std::move(base), options, queries, link);
}

void run(Generator& generator, const Options& options, const volatile bool& stop) {
  const double hz = static_cast<double>(rte_get_tsc_hz());
  const std::uint64_t begin = rte_rdtsc();
  const auto seconds = [&] { return static_cast<double>(rte_rdtsc() - begin) / hz; };
  Counts before;
  double shown = 0;
  double now = 0;
  while ((now = seconds()) < options.duration && !stop) {
    for (int i = 0; i < 64; ++i) generator.poll();
    if (now - shown < 1) continue;
    const Counts counts = generator.report().counts;
    print_second(stderr, now, counts, before, now - shown);
    before = counts;
    shown = now;
  }
  // The rates are over the time of full load; how the last exchanges end is counted, but not timed.
  const Counts& counts = generator.report().counts;
  const Totals totals{now, generator.output().frames(), generator.output().refused(), counts.completed, counts.answers};
  generator.drain();
  while (generator.in_flight() != 0 && !stop) generator.poll();
  print_totals(stdout, options, generator.report(), totals);
}

}  // namespace gl::load
