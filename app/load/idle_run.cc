#include "app/load/idle_run.h"

#include <rte_cycles.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "app/load/memory.h"

namespace gl::load {
namespace {

constexpr std::uint32_t kWarmUp = 1u << 16;  // connections before the first reading: all code and buffers are touched
// Pages that happen to be touched for the first time, as of the stack. Of a million connections half a bit each.
constexpr std::int64_t kAllowedKib = 64;
constexpr double kSettle = 0.05;  // seconds after a step: what is on its way arrives

// One reading, and what was done up to it.
struct Reading {
  const char* after = "";
  double seconds = 0;
  Memory memory;
  std::int64_t buffers_held = 0;  // mbufs that are neither in a pool nor with the clients
  Counts counts;
};

class Readings {
 public:
  explicit Readings(const IdleRun& run) : run_(run) {}

  void step(const char* name, Step step, std::uint32_t count) noexcept {
    const std::uint64_t begin = rte_rdtsc();
    run_.crowd.begin(step, count);
    while (!run_.crowd.done() && !run_.stop) round();
    const double seconds = since(begin);
    wait(kSettle);
    read(name, seconds);
  }
  void rest() noexcept {
    wait(run_.rest_seconds);
    read("idle", run_.rest_seconds);
  }
  void warm_up(std::uint32_t count) noexcept {
    for (const Step s : {Step::open, Step::ask, Step::close}) step("warm-up", s, count);
    all_[0] = all_[count_ - 1];
    all_[0].after = "before";
    count_ = 1;
  }

  [[nodiscard]] std::span<const Reading> all() const noexcept { return {all_.data(), count_}; }

 private:
  static double since(std::uint64_t begin) noexcept {
    return static_cast<double>(rte_rdtsc() - begin) / static_cast<double>(rte_get_tsc_hz());
  }
  void round() noexcept {
    run_.crowd.poll();
    if (run_.serve) run_.serve();
  }
  void wait(double seconds) noexcept {
    for (const std::uint64_t begin = rte_rdtsc(); since(begin) < seconds && !run_.stop;) round();
  }
  void read(const char* after, double seconds) noexcept {
    Reading& r = all_[count_++];
    r.after = after;
    r.seconds = seconds;
    r.memory = read_memory();
    r.counts = run_.crowd.report().counts;
    r.buffers_held = -static_cast<std::int64_t>(run_.crowd.buffers());
    for (rte_mempool* const pool : run_.pools) r.buffers_held += rte_mempool_in_use_count(pool);
  }

  const IdleRun& run_;
  std::array<Reading, 8> all_;
  std::size_t count_ = 0;
};

struct Outcome {
  std::uint32_t opened = 0;
  std::uint64_t frames_while_idle = 0;
  std::uint64_t answers[2] = {};
  std::uint64_t closed = 0;
  std::uint64_t wrong = 0;  // of whatever kind
  std::int64_t changed_kib = 0;
  std::int64_t changed_bytes = 0;
  bool ok = false;
};

// What must not happen, by kind.
struct Wrong {
  const char* kind;
  std::uint64_t count;
};
auto wrongs_in(const Counts& c) {
  std::uint64_t other_rcodes = c.answers;
  for (const std::size_t fine : {0u, 3u}) other_rcodes -= c.rcode[fine];  // NOERROR, NXDOMAIN
  return std::to_array<Wrong>({{"failed", c.failed},
                               {"reset", c.reset},
                               {"closed_early", c.closed_early},
                               {"bad_checksum", c.bad_checksum},
                               {"bad_segment", c.bad_segment},
                               {"bad_answer", c.bad_answer},
                               {"other_rcodes", other_rcodes},
                               {"stray", c.stray},
                               {"no_mbuf", c.no_mbuf}});
}
std::uint64_t wrong_in(const Counts& c) {
  std::uint64_t sum = 0;
  for (const Wrong& wrong : wrongs_in(c)) sum += wrong.count;
  return sum;
}

std::int64_t farthest(std::int64_t a, std::int64_t b) {
  return std::abs(b) > std::abs(a) ? b : a;
}

// Readings: before, opened, idle, asked, asked again, closed.
Outcome judge(const IdleRun& run, std::span<const Reading> r, std::uint32_t opened) {
  Outcome o;
  o.opened = opened;
  o.frames_while_idle = r[2].counts.received - r[1].counts.received;
  o.answers[0] = r[3].counts.answers - r[2].counts.answers;
  o.answers[1] = r[4].counts.answers - r[3].counts.answers;
  o.closed = r[5].counts.completed - r[4].counts.completed;
  o.wrong = wrong_in(r[5].counts);
  for (const Reading& reading : r.subspan(1)) {
    const Memory& m = reading.memory;
    const Memory& before = r[0].memory;
    o.changed_kib = farthest(o.changed_kib, m.own_kib - before.own_kib);
    o.changed_bytes = farthest(o.changed_bytes, m.heap_bytes - before.heap_bytes);
    o.changed_bytes = farthest(o.changed_bytes, m.dpdk_heap_bytes - before.dpdk_heap_bytes);
  }
  const bool all = opened == run.connections && o.answers[0] == opened && o.answers[1] == opened && o.closed == opened;
  const bool equal = std::abs(o.changed_kib) <= kAllowedKib && o.changed_bytes == 0 && r[0].memory.own_kib != 0;
  o.ok = all && equal && o.frames_while_idle == 0 && o.wrong == 0 && !run.stop;
  return o;
}

void print_json(const IdleRun& run, std::span<const Reading> readings, const Outcome& o) {
  const Counts& c = readings.back().counts;
  std::printf(
      "{\"idle\":%u,\"opened\":%u,\"frames_while_idle\":%llu,\"answers_first\":%llu,\"answers_second\":%llu,"
      "\"closed\":%llu,\"wrong\":%llu,\"retransmitted\":%llu,\"changed_kib\":%lld,\"allowed_kib\":%lld,"
      "\"heap_changed_bytes\":%lld,\"ok\":%s,\"readings\":[",
      run.connections, o.opened, static_cast<unsigned long long>(o.frames_while_idle),
      static_cast<unsigned long long>(o.answers[0]), static_cast<unsigned long long>(o.answers[1]),
      static_cast<unsigned long long>(o.closed), static_cast<unsigned long long>(o.wrong),
      static_cast<unsigned long long>(c.retransmitted), static_cast<long long>(o.changed_kib),
      static_cast<long long>(kAllowedKib), static_cast<long long>(o.changed_bytes), o.ok ? "true" : "false");
  const char* comma = "";
  for (const Reading& r : readings) {
    std::printf(
        "%s{\"after\":\"%s\",\"seconds\":%.3f,\"resident_kib\":%lld,\"own_kib\":%lld,\"heap_bytes\":%lld,"
        "\"dpdk_heap_bytes\":%lld,\"buffers_held\":%lld}",
        comma, r.after, r.seconds, static_cast<long long>(r.memory.resident_kib),
        static_cast<long long>(r.memory.own_kib), static_cast<long long>(r.memory.heap_bytes),
        static_cast<long long>(r.memory.dpdk_heap_bytes), static_cast<long long>(r.buffers_held));
    comma = ",";
  }
  std::printf("],\"wrong_kinds\":{");
  comma = "";
  for (const Wrong& wrong : wrongs_in(c)) {
    std::printf("%s\"%s\":%llu", comma, wrong.kind, static_cast<unsigned long long>(wrong.count));
    comma = ",";
  }
  std::printf("}}\n");
}

void print_text(const IdleRun& run, std::span<const Reading> readings, const Outcome& o) {
  std::printf("%-12s %9s %14s %14s %14s %14s %8s\n", "", "seconds", "resident KiB", "own KiB", "heap bytes", "rte heap",
              "buffers");
  for (const Reading& r : readings) {
    std::printf("%-12s %9.2f %14lld %14lld %14lld %14lld %8lld\n", r.after, r.seconds,
                static_cast<long long>(r.memory.resident_kib), static_cast<long long>(r.memory.own_kib),
                static_cast<long long>(r.memory.heap_bytes), static_cast<long long>(r.memory.dpdk_heap_bytes),
                static_cast<long long>(r.buffers_held));
  }
  std::printf(
      "%u connections, %u opened, %llu frames while idle, answers %llu and %llu, %llu closed, %llu wrong\n"
      "memory changed by %lld KiB (at most %lld), heaps by %lld bytes: %s\n",
      run.connections, o.opened, static_cast<unsigned long long>(o.frames_while_idle),
      static_cast<unsigned long long>(o.answers[0]), static_cast<unsigned long long>(o.answers[1]),
      static_cast<unsigned long long>(o.closed), static_cast<unsigned long long>(o.wrong),
      static_cast<long long>(o.changed_kib), static_cast<long long>(kAllowedKib),
      static_cast<long long>(o.changed_bytes), o.ok ? "all well" : "NOT as it should be");
  if (o.wrong == 0) return;
  std::printf("wrong:");
  for (const Wrong& wrong : wrongs_in(readings.back().counts)) {
    if (wrong.count != 0) std::printf(" %s %llu", wrong.kind, static_cast<unsigned long long>(wrong.count));
  }
  std::printf("\n");
}

}  // namespace

bool run_idle(const IdleRun& run) {
  Readings readings(run);
  readings.warm_up(std::min(run.connections, kWarmUp));
  readings.step("opened", Step::open, run.connections);
  const std::uint32_t opened = run.crowd.resting();
  readings.rest();
  readings.step("asked", Step::ask, run.connections);
  readings.step("asked again", Step::ask, run.connections);
  readings.step("closed", Step::close, run.connections);
  const Outcome outcome = judge(run, readings.all(), opened);
  if (run.json)
    print_json(run, readings.all(), outcome);
  else
    print_text(run, readings.all(), outcome);
  std::fflush(stdout);
  return outcome.ok;
}

}  // namespace gl::load
