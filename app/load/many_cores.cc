#include "app/load/many_cores.h"

#include <rte_cycles.h>
#include <rte_launch.h>
#include <rte_lcore.h>

#include <algorithm>
#include <cstdio>
#include <ctime>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "app/load/ring_pair.h"
#include "app/load/side.h"
#include "app/load/turn_taking.h"

namespace gl::load {

void meet_at(Options& options, std::uint16_t port, const wire::MacAddress& server) {
  options.port_id = port;
  options.source_mac = wire::MacAddress{{0x02, 0, 0, 0, 0, 0x01}};  // two neighbours cannot share one
  options.target_mac = server;
}

namespace {

constexpr unsigned kMostCores = 16;  // 32 ports, two a core
constexpr unsigned kRing = 4096;
constexpr double kWarmUp = 0.1;  // seconds

double thread_seconds() noexcept {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

// All that one lcore uses, and what it found.
struct alignas(64) Core {
  unsigned lcore = 0;
  std::unique_ptr<RingPair> pair;  // freed after both ports
  std::unique_ptr<Side> near;
  std::unique_ptr<Side> far;
  Options options;
  std::unique_ptr<BenchServer> server;
  std::unique_ptr<TurnTaking> loop;
  // When to count, on the TSC. Written by the main core while this one waits.
  std::uint64_t begin = 0;
  std::uint64_t end = 0;
  // Written by this core, read when it has ended.
  double per_second = 0;
  double per_cpu_second = 0;
};

Result<std::unique_ptr<Core>> make_core(unsigned worker, unsigned lcore, const Options& options, const Queries& queries,
                                        BenchState& state) {
  auto core = std::make_unique<Core>();
  core->lcore = lcore;
  core->options = options;
  // Each on a port of its own: the ring driver counts neighbouring queues in one cache line, which no NIC does.
  auto pair = RingPair::make(kRing, worker, worker + 1);
  if (!pair) return Error{pair.error()};
  core->pair = std::make_unique<RingPair>(std::move(*pair));
  auto near = open_side("clients" + std::to_string(worker), core->pair->ports()[0]);
  if (!near) return Error{near.error()};
  core->near = std::make_unique<Side>(std::move(*near));
  auto far = open_side("server" + std::to_string(worker), core->pair->ports()[1], worker + 1);
  if (!far) return Error{far.error()};
  core->far = std::make_unique<Side>(std::move(*far));
  core->server = std::make_unique<BenchServer>(state, BenchPlace{worker, lcore}, core->far->port, core->far->pool.get(),
                                               options.target);
  meet_at(core->options, core->near->port.id(), core->far->port.mac());
  auto clients = Generator::make(core->options, queries, core->near->pool.get());
  if (!clients) return Error{clients.error()};
  core->loop = std::make_unique<TurnTaking>(std::move(*clients), [server = core->server.get()] { server->drain(); });
  return core;
}

void poll_until(TurnTaking& loop, std::uint64_t tsc) noexcept {
  while (rte_rdtsc() < tsc) {
    for (int i = 0; i < 64; ++i) (void)loop.poll();
  }
}

// On the core itself. Exchanges end before it returns, so that none times out until the next measurement.
int run_core(void* argument) {
  Core& core = *static_cast<Core*>(argument);
  TurnTaking& loop = *core.loop;
  loop.resume();
  poll_until(loop, core.begin);
  const std::uint64_t before = loop.report().counts.answers;
  const double cpu = thread_seconds();
  const std::uint64_t from = rte_rdtsc();
  poll_until(loop, core.end);
  const double seconds = static_cast<double>(rte_rdtsc() - from) / static_cast<double>(rte_get_tsc_hz());
  const double cpu_seconds = thread_seconds() - cpu;
  const auto answers = static_cast<double>(loop.report().counts.answers - before);
  core.per_second = answers / seconds;
  core.per_cpu_second = answers / cpu_seconds;
  loop.drain();
  while (loop.in_flight() != 0) (void)loop.poll();
  return 0;
}

using Cores = std::span<const std::unique_ptr<Core>>;

// Waiting costs the cores nothing: the main core sleeps where it is none of them.
void wait_for(const Core& core) {
  while (rte_eal_get_lcore_state(core.lcore) == RUNNING) rte_delay_us_sleep(1000);
  rte_eal_wait_lcore(core.lcore);
}

void measure_at_once(Cores cores, double seconds) {
  const auto hz = static_cast<double>(rte_get_tsc_hz());
  const std::uint64_t begin = rte_rdtsc() + static_cast<std::uint64_t>(kWarmUp * hz);
  for (const auto& core : cores) {
    core->begin = begin;
    core->end = begin + static_cast<std::uint64_t>(seconds * hz);
  }
  for (const auto& core : cores) {
    if (core->lcore != rte_get_main_lcore()) rte_eal_remote_launch(run_core, core.get(), core->lcore);
  }
  for (const auto& core : cores) {
    if (core->lcore == rte_get_main_lcore()) run_core(core.get());
  }
  for (const auto& core : cores) {
    if (core->lcore != rte_get_main_lcore()) wait_for(*core);
  }
}

void print_list(const char* name, Cores cores, double (*value)(const Core&)) {
  std::printf("\"%s\":[", name);
  const char* separator = "";
  for (const auto& core : cores) {
    std::printf("%s%.0f", separator, value(*core));
    separator = ",";
  }
  std::printf("]");
}

void print(Cores cores) {
  std::printf("{");
  print_list("lcores", cores, [](const Core& c) { return static_cast<double>(c.lcore); });
  std::printf(",");
  print_list("per_second", cores, [](const Core& c) { return c.per_second; });
  std::printf(",");
  print_list("per_cpu_second", cores, [](const Core& c) { return c.per_cpu_second; });
  std::printf("}\n");
  std::fflush(stdout);
}

// What must not happen: the rates mean nothing then.
Status check(const Core& core) {
  const Counts& c = core.loop->report().counts;
  if (c.failed + c.reset + c.bad_checksum + c.bad_segment + c.bad_answer != 0) {
    return Error{"lcore " + std::to_string(core.lcore) + ": exchanges did not end as they should"};
  }
  if (core.server->counters().received.value() != core.server->counters().verdict_sum()) {
    return Error{"lcore " + std::to_string(core.lcore) + ": the verdicts do not add up"};
  }
  return success();
}

// How many cores at once: 2, 4, 8, ... and all.
std::vector<std::size_t> steps(std::size_t all) {
  std::vector<std::size_t> counts;
  for (std::size_t count = 2; count < all; count *= 2) counts.push_back(count);
  if (all > 1) counts.push_back(all);
  return counts;
}

void take_turn(Cores cores, double seconds, const volatile bool& stop) {
  const auto measure = [&](Cores some) {
    if (stop) return;
    measure_at_once(some, seconds);
    print(some);
  };
  for (std::size_t i = 0; i < cores.size(); ++i) measure(cores.subspan(i, 1));
  for (const std::size_t count : steps(cores.size())) measure(cores.first(count));
}

}  // namespace

Status measure_many_cores(const ManyCores& how, const Options& options, const Queries& queries, BenchState& state) {
  if (rte_lcore_count() > kMostCores) return Error{"--many-cores: at most 16 lcores"};
  if (options.mode == Mode::syn) return Error{"--many-cores: not with --mode syn"};
  std::vector<std::unique_ptr<Core>> cores;
  for (unsigned lcore = rte_get_next_lcore(~0u, 0, 0); lcore < RTE_MAX_LCORE; lcore = rte_get_next_lcore(lcore, 0, 0)) {
    auto core = make_core(static_cast<unsigned>(cores.size()), lcore, options, queries, state);
    if (!core) return Error{core.error()};
    cores.push_back(std::move(*core));
  }
  for (unsigned turn = 0; turn < how.turns && !how.stop; ++turn) take_turn(cores, options.duration, how.stop);
  for (const auto& core : cores) {
    if (Status status = check(*core); !status) return status;
  }
  return success();
}

}  // namespace gl::load
