#include "app/load/idle_connections.h"

#include <rte_cycles.h>

#include "app/load/endpoint.h"
#include "app/load/tcp_clients.h"

namespace gl::load {
namespace {

constexpr std::uint32_t kAtOnce = 512;  // connections amid a step: their frames fit the rings

template <class Clients>
class CrowdOf final : public IdleConnections {
 public:
  CrowdOf(Endpoint station, const Options& o, const Queries& queries)
      : io_(std::move(station.line)), flight_(o, queries, io_->output), clients_(flight_, station.link) {
    flight_.idle.clear();  // its room stays: what ends is put there, and does not begin again by itself
    flight_.draining = true;
  }

  void begin(Step step, std::uint32_t count) noexcept override {
    step_ = step;
    oldest_ = next_ = 0;
    count_ = count;
    flight_.idle.clear();
  }

  void poll() noexcept override {
    receive_burst(*io_, clients_, flight_);
    for (; next_ < count_ && next_ - oldest_ < kAtOnce; ++next_) take_step(flight_.slots[next_]);
    while (oldest_ < next_ && settled(flight_.slots[oldest_])) ++oldest_;
    look_at_timers();
    io_->output.flush();
  }

  [[nodiscard]] bool done() const noexcept override { return oldest_ == count_; }

  [[nodiscard]] std::uint32_t resting() noexcept override {
    std::uint32_t count = 0;
    for (std::size_t i = 0; i < flight_.slots.size(); ++i) count += flight_.slots[i].state == State::resting ? 1u : 0u;
    return count;
  }
  [[nodiscard]] const Report& report() const noexcept override { return flight_.report; }
  [[nodiscard]] std::size_t buffers() const noexcept override { return io_->output.stocked(); }

 private:
  static bool settled(const Slot& s) noexcept { return s.state == State::resting || s.state == State::idle; }

  void take_step(Slot& s) noexcept {
    if (step_ == Step::open) {
      clients_.start(s);
    } else if (s.state != State::resting) {
      return;
    } else if (step_ == Step::ask) {
      clients_.ask(s);
    } else {
      clients_.close(s);
    }
  }

  // Only those amid a step wait for anything.
  void look_at_timers() noexcept {
    if (flight_.now < next_look_) return;
    next_look_ = flight_.now + rte_get_tsc_hz() / 1000;
    for (std::uint32_t i = oldest_; i < next_; ++i) {
      Slot& s = flight_.slots[i];
      if (!settled(s) && s.deadline <= flight_.now) clients_.expire(s);
    }
  }

  std::unique_ptr<PortIo> io_;
  Flight flight_;
  Clients clients_;
  Step step_ = Step::open;
  std::uint32_t oldest_ = 0;  // all before it have taken the step
  std::uint32_t next_ = 0;
  std::uint32_t count_ = 0;
  std::uint64_t next_look_ = 0;
};

template <class Ip>
std::unique_ptr<IdleConnections> make_for(Endpoint s, const Options& o, const Queries& q) {
  if (o.timestamps) return std::make_unique<CrowdOf<TcpClients<Ip, true>>>(std::move(s), o, q);
  return std::make_unique<CrowdOf<TcpClients<Ip, false>>>(std::move(s), o, q);
}

}  // namespace

Result<std::unique_ptr<IdleConnections>> IdleConnections::make(const Options& options, const Queries& queries,
                                                               rte_mempool* pool) {
  auto station = open_endpoint(options, pool);
  if (!station) return Error{station.error()};
  return options.sources.v6 ? make_for<Ip6>(std::move(*station), options, queries)
                            : make_for<Ip4>(std::move(*station), options, queries);
}

}  // namespace gl::load
