// Simulated exchanges: model clients, a bad network, and the nodes, in virtual time and from seeds.
//   sim [--scenario NAME] [--exchanges N] [--seed N] [--list]
// Without --scenario all of them share the exchanges. With --seed only that one is played, and printed as a packetdrill
// dialogue. GL_SIM_EXCHANGES replaces the number of exchanges. Exit status: 0 all well, 1 a failure, 2 usage.
#include <getopt.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "tests/sim/exchange.h"

namespace {

using namespace gl::sim;

constexpr unsigned kFailuresShown = 3;
constexpr unsigned kSeedsShown = 8;

struct Options {
  std::string scenario;
  std::uint64_t exchanges = 20000;
  std::uint64_t first_seed = 1;
  std::optional<std::uint64_t> seed;
  bool list = false;
};

struct Counts {
  std::uint64_t exchanges = 0;
  std::uint64_t ends[5] = {};
  std::uint64_t timeouts = 0;
  std::uint64_t packets = 0;
  std::map<std::string, std::pair<std::uint64_t, std::string>> failures;  // how often, and the first seeds
};

void print_failure(const Scenario& scenario) {
  std::string trace;
  const Verdict verdict = run(scenario, &trace);
  std::printf("%s// %s after %g s\n// again: sim --scenario %s --seed %llu\n\n", trace.c_str(), verdict.failure.c_str(),
              static_cast<double>(verdict.took_ms) / 1000, std::string(scenario.name).c_str(),
              static_cast<unsigned long long>(scenario.seed));
}

// Returns how many failed.
std::uint64_t play(std::string_view name, std::uint64_t first, std::uint64_t exchanges) {
  Counts counts;
  for (std::uint64_t seed = first; seed < first + exchanges; ++seed) {
    const Scenario scenario = make_scenario(name, seed);
    const Verdict verdict = run(scenario);
    ++counts.exchanges;
    ++counts.ends[static_cast<std::size_t>(verdict.end)];
    counts.timeouts += verdict.timeouts;
    counts.packets += verdict.packets;
    if (verdict.end != End::failed) continue;
    const std::uint64_t failed = counts.ends[static_cast<std::size_t>(End::failed)];
    const std::string why = verdict.failure.substr(0, verdict.failure.find_first_of("0123456789"));
    auto& [often, seeds] = counts.failures[why];
    if (++often <= kSeedsShown) seeds += ' ' + std::to_string(seed);
    if (failed <= kFailuresShown) print_failure(scenario);
  }
  std::printf(
      "%-26s %9llu exchanges: %llu complete, %llu closed early, %llu reset, %llu of two versions, %llu failed; %.2f "
      "timeouts and %.1f packets each\n",
      std::string(name).c_str(), static_cast<unsigned long long>(counts.exchanges),
      static_cast<unsigned long long>(counts.ends[0]), static_cast<unsigned long long>(counts.ends[1]),
      static_cast<unsigned long long>(counts.ends[2]), static_cast<unsigned long long>(counts.ends[3]),
      static_cast<unsigned long long>(counts.ends[4]),
      static_cast<double>(counts.timeouts) / static_cast<double>(counts.exchanges),
      static_cast<double>(counts.packets) / static_cast<double>(counts.exchanges));
  for (const auto& [why, often] : counts.failures) {
    std::printf("  %llu times: %s (first seeds%s)\n", static_cast<unsigned long long>(often.first), why.c_str(),
                often.second.c_str());
  }
  std::fflush(stdout);
  return counts.ends[static_cast<std::size_t>(End::failed)];
}

int play_one(const Options& options) {
  const Scenario scenario = make_scenario(options.scenario, *options.seed);
  std::string trace;
  const Verdict verdict = run(scenario, &trace);
  std::printf("%s// %s after %g s\n", trace.c_str(),
              verdict.end == End::failed ? verdict.failure.c_str() : "ended well",
              static_cast<double>(verdict.took_ms) / 1000);
  return verdict.end == End::failed ? 1 : 0;
}

std::optional<Options> parse(int argc, char** argv) {
  Options options;
  if (const char* const number = std::getenv("GL_SIM_EXCHANGES"))
    options.exchanges = std::strtoull(number, nullptr, 10);
  const option longs[] = {
      {"scenario", required_argument, nullptr, 'k'}, {"exchanges", required_argument, nullptr, 'n'},
      {"seed", required_argument, nullptr, 's'},     {"first-seed", required_argument, nullptr, 'f'},
      {"list", no_argument, nullptr, 'l'},           {nullptr, 0, nullptr, 0}};
  for (int c; (c = getopt_long(argc, argv, "", longs, nullptr)) != -1;) {
    if (c == 'k')
      options.scenario = optarg;
    else if (c == 'n')
      options.exchanges = std::strtoull(optarg, nullptr, 10);
    else if (c == 's')
      options.seed = std::strtoull(optarg, nullptr, 10);
    else if (c == 'f')
      options.first_seed = std::strtoull(optarg, nullptr, 10);
    else if (c == 'l')
      options.list = true;
    else
      return std::nullopt;
  }
  if (optind != argc || (options.seed && options.scenario.empty()) || options.exchanges == 0) return std::nullopt;
  return options;
}

int simulate(const Options& options) {
  if (options.seed) return play_one(options);
  if (!options.scenario.empty()) return play(options.scenario, options.first_seed, options.exchanges) == 0 ? 0 : 1;
  std::uint64_t failures = 0;
  const auto played = std::count_if(kinds().begin(), kinds().end(), [](const Kind& kind) { return !kind.goal; });
  const std::uint64_t each = options.exchanges / static_cast<std::uint64_t>(played) + 1;
  for (const Kind& kind : kinds()) {
    if (!kind.goal) failures += play(kind.name, options.first_seed, each / kind.worth + 1);
  }
  return failures == 0 ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  const std::optional<Options> options = parse(argc, argv);
  if (!options) {
    std::fputs("usage: sim [--scenario NAME] [--exchanges N] [--first-seed N] [--seed N] [--list]\n", stderr);
    return 2;
  }
  if (options->list) {
    for (const Kind& kind : kinds()) {
      std::printf("%-26s %s\n", std::string(kind.name).c_str(), std::string(kind.what).c_str());
    }
    return 0;
  }
  try {
    return simulate(*options);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "sim: %s\n", error.what());
    return 2;
  }
}
