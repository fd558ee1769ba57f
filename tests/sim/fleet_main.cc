// A thousand nodes behind one address, in virtual time: what clients see of failures, drains, a router that spreads
// flows anew, clocks that differ, and the rotation of keys.
//   fleet [--scene NAME] [--nodes N] [--exchanges N] [--seed N] [--loss PERCENT] [--list]
// Without --scene all of them, each with so many exchanges. Exit status: 0 all well, 1 a failure, 2 usage.
#include <getopt.h>
#include <sodium.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <string>

#include "tests/sim/fleet_clients.h"

namespace {

using namespace gl::sim;

// An eighth of an epoch is the most that clocks may differ by: half of it each way.
constexpr std::uint64_t kSkewMs = kFleetEpochSeconds * 1000 / 8 / 2 - 500;

constexpr FleetSettings kEverything{
    .hash_every_ms = 1000, .fail_every_ms = 500, .drain_every_ms = 500, .skew_ms = kSkewMs, .rotates = true};

const FleetScene kScenes[] = {
    {"quiet", "spray", false, false, {}},
    {"hash", "spray", false, false, {.hash_every_ms = 500}},
    {"failures", "spray", false, false, {.fail_every_ms = 250}},
    {"drains", "spray", false, false, {.drain_every_ms = 250}},
    {"rotation", "spray", false, false, {.hash_every_ms = 1000, .skew_ms = kSkewMs, .rotates = true}},
    {"everything", "spray", false, false, kEverything},
    {"in-pieces", "spray", true, false, kEverything},
    {"no-timestamps", "no-timestamps-gone", false, true, kEverything},
    {"clocks-beyond", "spray", false, true, {.hash_every_ms = 1000, .skew_ms = 24'000}},
};

// The tables of soft state ask for seeds of their own, which are to follow from ours.
Random& seeds() {
  static Random random(0);
  return random;
}
void fill_from_seeds(void* to, const std::size_t size) {
  for (std::size_t i = 0; i < size; ++i) static_cast<std::uint8_t*>(to)[i] = static_cast<std::uint8_t>(seeds().next());
}
randombytes_implementation foreseeable = {[] { return "seeds of the simulation"; },
                                          [] { return static_cast<std::uint32_t>(seeds().next()); },
                                          nullptr,
                                          nullptr,
                                          fill_from_seeds,
                                          nullptr};

struct Options {
  std::string scene;
  std::uint64_t exchanges = 5000;
  std::uint64_t seed = 1;
  unsigned nodes = 1000;
  double percent = 0.5;
  bool list = false;
};

bool parse(int argc, char** argv, Options& options) {
  const option longs[] = {{"scene", required_argument, nullptr, 's'},
                          {"exchanges", required_argument, nullptr, 'n'},
                          {"seed", required_argument, nullptr, 'r'},
                          {"nodes", required_argument, nullptr, 'k'},
                          {"loss", required_argument, nullptr, 'l'},
                          {"list", no_argument, nullptr, 'i'},
                          {nullptr, 0, nullptr, 0}};
  for (int c; (c = getopt_long(argc, argv, "", longs, nullptr)) != -1;) {
    if (c == 's') {
      options.scene = optarg;
    } else if (c == 'n') {
      options.exchanges = std::strtoull(optarg, nullptr, 10);
    } else if (c == 'r') {
      options.seed = std::strtoull(optarg, nullptr, 10);
    } else if (c == 'k') {
      options.nodes = static_cast<unsigned>(std::strtoul(optarg, nullptr, 10));
    } else if (c == 'l') {
      options.percent = std::strtod(optarg, nullptr);
    } else if (c == 'i') {
      options.list = true;
    } else {
      return false;
    }
  }
  return optind == argc && options.exchanges > 0 && options.nodes > 3;
}

// A column: its head, and its figure of a scene.
struct Column {
  const char* head;
  std::uint64_t (*figure)(const FleetOutcome&);
};
constexpr Column kColumns[] = {
    {"exchanges", [](const FleetOutcome& o) { return o.exchanges; }},
    {"wrong", [](const FleetOutcome& o) { return o.wrong; }},
    {"failed", [](const FleetOutcome& o) { return o.failed; }},
    {"forgotten", [](const FleetOutcome& o) { return o.forgotten; }},
    {"reset", [](const FleetOutcome& o) { return o.reset; }},
    {"closed", [](const FleetOutcome& o) { return o.closed; }},
    {"timeouts", [](const FleetOutcome& o) { return o.timeouts; }},
    {"p99 ms",
     [](const FleetOutcome& o) { return o.took.empty() ? 0 : std::uint64_t{o.took[o.took.size() * 99 / 100]}; }},
    {"packets", [](const FleetOutcome& o) { return o.fleet.packets; }},
    {"moved", [](const FleetOutcome& o) { return o.fleet.moves; }},
    {"to dead", [](const FleetOutcome& o) { return o.fleet.lost_to_dead; }},
    {"hashes", [](const FleetOutcome& o) { return o.fleet.hashes; }},
    {"deaths", [](const FleetOutcome& o) { return o.fleet.failures; }},
    {"drains", [](const FleetOutcome& o) { return o.fleet.drains; }}};

// False: something went wrong.
bool play_one(FleetScene scene, const Options& options) {
  scene.fleet.nodes = options.nodes;
  seeds() = Random(options.seed);
  FleetOutcome outcome = play(scene, options.exchanges, options.seed, options.percent);
  std::sort(outcome.took.begin(), outcome.took.end());
  std::printf("%-14s", scene.name);
  for (const Column& column : kColumns) {
    std::printf(" %9llu", static_cast<unsigned long long>(column.figure(outcome)));
  }
  std::puts("");
  for (const std::string& reason : outcome.reasons) std::printf("  %s\n", reason.c_str());
  const std::uint64_t allocations = outcome.fleet.allocations;
  if (allocations != 0) std::puts("  the packet path asked for memory");
  std::fflush(stdout);
  return outcome.wrong == 0 && outcome.failed == 0 && allocations == 0;
}

int simulate(const Options& options) {
  std::printf("%-14s", "scene");
  for (const Column& column : kColumns) std::printf(" %9s", column.head);
  std::puts("");
  bool well = true;
  bool known = false;
  for (const FleetScene& scene : kScenes) {
    if (!options.scene.empty() && options.scene != scene.name) continue;
    known = true;
    well = play_one(scene, options) && well;
  }
  if (!known) std::fprintf(stderr, "fleet: no such scene: %s\n", options.scene.c_str());
  return !known ? 2 : well ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) try {
  Options options;
  if (!parse(argc, argv, options)) {
    std::fputs("usage: fleet [--scene NAME] [--nodes N] [--exchanges N] [--seed N] [--loss PERCENT] [--list]\n",
               stderr);
    return 2;
  }
  if (randombytes_set_implementation(&foreseeable) != 0 || sodium_init() < 0) return 2;
  if (!options.list) return simulate(options);
  for (const FleetScene& scene : kScenes) std::puts(scene.name);
  return 0;
} catch (const std::exception& error) {
  std::fprintf(stderr, "fleet: %s\n", error.what());
  return 2;
}
