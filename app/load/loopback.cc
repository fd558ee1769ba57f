// goldilocks-loopback: the server's worker and the clients in one process, joined by a pair of rings.
// With two lcores the clients run on one and the server on the other: what is shown is the rate. With one lcore they
// take turns, and only the server's turns are timed: what is shown is the time of a frame in the server with warm
// caches, which compares with `dpdk-testpmd --forward-mode=5tswap` on a ring.
#include <rte_launch.h>

#include <algorithm>
#include <bit>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <span>
#include <string>
#include <vector>

#include "app/load/bench_backend.h"
#include "app/load/bench_server.h"
#include "app/load/generator.h"
#include "app/load/idle_connections.h"
#include "app/load/idle_run.h"
#include "app/load/many_cores.h"
#include "app/load/memory.h"
#include "app/load/ring_pair.h"
#include "app/load/side.h"
#include "app/load/turn_taking.h"
#include "lib/dpdk/eal.h"

namespace {

using gl::load::BenchServer;
using gl::load::BenchState;

constexpr unsigned kRing = 4096;
volatile bool stop = false;

constexpr const char* kUsage =
    "goldilocks-loopback [EAL flags] -- --zone FILE [--json] --target ADDR --source ADDR/LEN [flags of "
    "goldilocks-load]\n"
    "Server and clients in one process. One lcore: the server's time a frame. Two: exchanges a second.\n"
    "  --service NAME=VALUE  a flag of goldilocks for another service, as http=80,root=DIR; may be repeated. The zone "
    "is\n"
    "                  served on port 53 then\n"
    "  --forward       no zone: every question is asked of a name server on rings of its own, beside the clients\n"
    "  --idle N        instead, N connections at once (to 2^20) that are open and idle: the memory before and after, "
    "and\n"
    "                  whether each is answered, twice. Exit status 1 where one is not, or the memory is not the same\n"
    "  --idle-time S   seconds for which they are left alone (1)\n"
    "  --flow-cache N  connections that the server remembers; 0: none (4096)\n"
    "  --many-cores N  instead, a worker and its clients take turns on each lcore, N times: each lcore alone for\n"
    "                  --duration, then the first 2, 4, 8, ... and all at once. At most 16 lcores\n";

int fail(int status, const std::string& message) {
  std::fprintf(stderr, "goldilocks-loopback: %s\n", message.c_str());
  return status;
}

struct Arguments {
  std::vector<std::string> eal;
  std::string zone;
  std::string service;  // the last one
  std::vector<gl::load::ServiceFlag> services;
  bool forward = false;
  std::string idle;
  std::string idle_time = "1";
  std::string flow_cache = "4096";
  std::string many_cores;
  std::vector<char*> load;  // the program's name first
};

Arguments split(int argc, char** argv) {
  Arguments a;
  int i = 0;
  for (; i < argc && std::string(argv[i]) != "--"; ++i) a.eal.emplace_back(argv[i]);
  a.load.push_back(argv[0]);
  for (++i; i < argc; ++i) {
    const std::string flag = argv[i];
    if (flag == "--forward") {
      a.forward = true;
      continue;
    }
    std::string* const own = flag == "--zone"         ? &a.zone
                             : flag == "--service"    ? &a.service
                             : flag == "--idle"       ? &a.idle
                             : flag == "--idle-time"  ? &a.idle_time
                             : flag == "--flow-cache" ? &a.flow_cache
                             : flag == "--many-cores" ? &a.many_cores
                                                      : nullptr;
    if (own == nullptr || i + 1 == argc) {
      a.load.push_back(argv[i]);
      continue;
    }
    *own = argv[++i];
    if (own != &a.service) continue;
    const std::size_t equals = std::min(a.service.find('='), a.service.size());
    a.services.push_back({a.service.substr(0, equals), a.service.substr(std::min(equals + 1, a.service.size()))});
  }
  return a;
}

void print_server(const BenchServer& server, bool json) {
  const gl::load::ServerTimes& t = server.times();
  const double frames = static_cast<double>(t.frames == 0 ? 1 : t.frames);
  const double cycles = static_cast<double>(t.cycles) / frames;
  const double ns = cycles * 1e9 / static_cast<double>(rte_get_tsc_hz());
  const double burst = frames / static_cast<double>(t.bursts == 0 ? 1 : t.bursts);
  const double busy = static_cast<double>(t.cycles) / static_cast<double>(t.total_cycles == 0 ? 1 : t.total_cycles);
  const bool adds_up =
      server.counters().received.value() + server.counters().resumed.value() == server.counters().verdict_sum();
  std::printf(
      json
          ? "{\"server_frames\":%.0f,\"cycles_per_frame\":%.1f,\"ns_per_frame\":%.2f,\"frames_per_burst\":%.1f,"
            "\"busy\":%.3f,\"verdicts_add_up\":%s}\n"
          : "server: %.0f frames, %.1f cycles (%.2f ns) a frame, %.1f frames a burst, busy %.3f, verdicts add up: %s\n",
      frames, cycles, ns, burst, busy, adds_up ? "true" : "false");
}

// What is measured: either rates and times, or idle connections.
struct Idle {
  std::uint32_t connections = 0;  // 0: rates and times
  double seconds = 1;
};

gl::Result<Idle> parse_idle(const Arguments& a, gl::load::Options& options) {
  Idle idle;
  if (a.idle.empty()) return idle;
  constexpr std::uint32_t kMost = 1u << 20;
  char* end = nullptr;
  const unsigned long count = std::strtoul(a.idle.c_str(), &end, 10);
  if (*end != '\0' || count == 0 || count > kMost) return gl::Error{"--idle: '" + a.idle + "' is not from 1 to 2^20"};
  idle.connections = static_cast<std::uint32_t>(count);
  idle.seconds = std::strtod(a.idle_time.c_str(), &end);
  if (*end != '\0' || !(idle.seconds >= 0)) return gl::Error{"--idle-time: '" + a.idle_time + "' is no time"};
  options.connections = std::bit_ceil(idle.connections);
  options.rests = true;
  if (options.mode != gl::load::Mode::tcp) return gl::Error{"--idle: only with --mode tcp"};
  if (options.connections > options.sources.count * 32768ull)
    return gl::Error{"--idle: at most 32768 connections, rounded up to a power of two, for each --source address"};
  return idle;
}

gl::Result<std::uint32_t> parse_flow_cache(const std::string& text) {
  char* end = nullptr;
  const unsigned long entries = std::strtoul(text.c_str(), &end, 10);
  if (text.empty() || *end != '\0' || entries > 1000000)
    return gl::Error{"--flow-cache: '" + text + "' is not from 0 to 1000000"};
  return static_cast<std::uint32_t>(entries);
}

// The number of turns; 0: not this mode.
gl::Result<unsigned> parse_turns(const std::string& text) {
  if (text.empty()) return 0u;
  char* end = nullptr;
  const unsigned long turns = std::strtoul(text.c_str(), &end, 10);
  if (*end != '\0' || turns == 0 || turns > 1000)
    return gl::Error{"--many-cores: '" + text + "' is not from 1 to 1000"};
  return static_cast<unsigned>(turns);
}

int serve_on(unsigned lcore, BenchServer& server) {
  return rte_eal_remote_launch(
      [](void* s) {
        static_cast<BenchServer*>(s)->loop();
        return 0;
      },
      &server, lcore);
}

int measure_rates(const gl::load::Options& options, const gl::load::Queries& queries, rte_mempool* pool,
                  BenchState& state, BenchServer& server, gl::load::BenchBackend* backend) {
  auto clients = gl::load::Generator::make(options, queries, pool);
  if (!clients) return fail(1, clients.error());
  if (backend != nullptr) {
    *clients = std::make_unique<gl::load::TurnTaking>(std::move(*clients), [backend] { backend->poll(); });
  }
  const auto lcores = gl::dpdk::Eal::worker_lcores();
  if (lcores.empty()) {
    gl::load::TurnTaking both(std::move(*clients), [&server] { server.drain(); });
    gl::load::run(both, options, stop);
  } else {
    serve_on(lcores[0], server);
    gl::load::run(**clients, options, stop);
    state.stop();
    rte_eal_wait_lcore(lcores[0]);
  }
  return 0;
}

int measure_idle(const Idle& idle, const gl::load::Options& options, const gl::load::Queries& queries,
                 std::span<rte_mempool* const> pools, BenchState& state, BenchServer& server) {
  gl::load::keep_pages_small();
  auto crowd = gl::load::IdleConnections::make(options, queries, pools[0]);
  if (!crowd) return fail(1, crowd.error());
  gl::load::IdleRun run{**crowd, idle.connections, idle.seconds, {}, pools, options.json, stop};
  const auto lcores = gl::dpdk::Eal::worker_lcores();
  if (lcores.empty()) run.serve = [&server] { server.drain(); };
  if (!lcores.empty()) serve_on(lcores[0], server);
  const bool ok = gl::load::run_idle(run);
  state.stop();
  if (!lcores.empty()) rte_eal_wait_lcore(lcores[0]);
  return ok ? 0 : 1;
}

int measure(const Idle& idle, gl::load::Options options, const gl::load::Queries& queries, BenchState& state,
            gl::load::BenchBackend* backend) {
  auto pair = gl::load::RingPair::make(kRing);
  if (!pair) return fail(1, pair.error());
  auto near = gl::load::open_side("clients", pair->ports()[0]);
  if (!near) return fail(1, near.error());
  auto far = gl::load::open_side("server", pair->ports()[1]);
  if (!far) return fail(1, far.error());
  BenchServer server(state, {0, rte_lcore_id()}, far->port, far->pool.get(), options.target);
  gl::load::meet_at(options, near->port.id(), far->port.mac());
  rte_mempool* const pools[] = {near->pool.get(), far->pool.get()};
  const int status = idle.connections != 0 ? measure_idle(idle, options, queries, pools, state, server)
                                           : measure_rates(options, queries, pools[0], state, server, backend);
  print_server(server, options.json);
  return status;
}

int run(int argc, char** argv) {
  Arguments arguments = split(argc, argv);
  if (std::ranges::find(arguments.eal, "--help") != arguments.eal.end()) {
    std::printf("%s\n%s", kUsage, gl::load::usage());
    return 0;
  }
  auto options = gl::load::parse_options(static_cast<int>(arguments.load.size()), arguments.load.data());
  if (!options) return fail(2, options.error());
  if (options->help) {
    std::printf("%s\n%s", kUsage, gl::load::usage());
    return 0;
  }
  if (!options->pcap.file.empty()) return fail(2, "--write-pcap: goldilocks-load does that");
  const auto idle = parse_idle(arguments, *options);
  if (!idle) return fail(2, idle.error());
  const auto turns = parse_turns(arguments.many_cores);
  if (!turns) return fail(2, turns.error());
  const auto flow_cache = parse_flow_cache(arguments.flow_cache);
  if (!flow_cache) return fail(2, flow_cache.error());
  auto queries = gl::load::render(*options);
  if (!queries) return fail(2, queries.error());
  if (arguments.zone.empty()) return fail(2, "--zone FILE is missing");
  const gl::zone::ZoneSource source{arguments.zone, ""};
  auto zones = gl::zone::load_zones({&source, 1});
  if (!zones) return fail(1, zones.error());
  const auto eal = gl::dpdk::Eal::init(arguments.eal);
  if (!eal) return fail(1, eal.error());
  const auto ask_stop = [](int) { stop = true; };
  std::signal(SIGINT, ask_stop);
  std::signal(SIGTERM, ask_stop);
  const auto workers = *turns == 0 ? 1u : rte_lcore_count();
  BenchState state(workers, std::move(*zones), options->target_port, arguments.services, *flow_cache);
  if (arguments.forward && (*turns != 0 || idle->connections != 0)) {
    return fail(2, "--forward: neither with --idle nor with --many-cores");
  }
  std::unique_ptr<gl::load::BenchBackend> backend;
  if (arguments.forward) {
    auto made = gl::load::BenchBackend::make(1);
    if (!made) return fail(1, made.error());
    backend = std::move(*made);
    state.forward_to(*backend);
  }
  if (*turns == 0) return measure(*idle, *options, *queries, state, backend.get());
  const gl::Status measured = gl::load::measure_many_cores({*turns, stop}, *options, *queries, state);
  return measured ? 0 : fail(1, measured.error());
}

}  // namespace

int main(int argc, char** argv) try { return run(argc, argv); } catch (const std::exception& e) {
  return fail(2, e.what());
}
