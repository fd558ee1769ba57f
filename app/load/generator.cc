#include "app/load/generator.h"

#include <rte_cycles.h>

#include "app/load/endpoint.h"
#include "app/load/tcp_clients.h"
#include "app/load/udp_clients.h"

namespace gl::load {
namespace {

template <class Clients>
class alignas(64) GeneratorOf final : public Generator {
 public:
  GeneratorOf(Endpoint station, const Options& o, const Queries& queries)
      : io_(std::move(station.line)), flight_(o, queries, io_->output), clients_(flight_, station.link) {}

  std::size_t poll() noexcept override {
    const std::size_t count = receive_burst(*io_, clients_, flight_);
    begin_idle();
    flight_.walk.step(flight_.now, [this](std::size_t i) {
      Slot& s = flight_.slots[i];
      if (s.state != State::idle && s.deadline <= flight_.now) clients_.expire(s);
    });
    io_->output.flush();
    return count;
  }

  void drain() noexcept override { flight_.draining = true; }
  void resume() noexcept override { flight_.draining = false; }
  [[nodiscard]] std::size_t in_flight() const noexcept override { return flight_.busy(); }
  [[nodiscard]] const Report& report() const noexcept override { return flight_.report; }
  [[nodiscard]] const Output& output() const noexcept override { return io_->output; }

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

  std::unique_ptr<PortIo> io_;
  Flight flight_;
  Clients clients_;
};

template <class Ip>
std::unique_ptr<Generator> make_for(Endpoint s, const Options& o, const Queries& q) {
  if (o.mode == Mode::udp) return std::make_unique<GeneratorOf<UdpClients<Ip>>>(std::move(s), o, q);
  if (o.timestamps) return std::make_unique<GeneratorOf<TcpClients<Ip, true>>>(std::move(s), o, q);
  return std::make_unique<GeneratorOf<TcpClients<Ip, false>>>(std::move(s), o, q);
}

}  // namespace

Result<std::unique_ptr<Generator>> Generator::make(const Options& options, const Queries& queries, rte_mempool* pool) {
  auto station = open_endpoint(options, pool);
  if (!station) return Error{station.error()};
  return options.sources.v6 ? make_for<Ip6>(std::move(*station), options, queries)
                            : make_for<Ip4>(std::move(*station), options, queries);
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
