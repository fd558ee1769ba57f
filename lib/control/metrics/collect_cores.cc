#include <rte_cycles.h>
#include <rte_mempool.h>

#include <algorithm>
#include <array>
#include <string_view>

#include "lib/control/metrics/collect.h"

namespace gl::control {

namespace {

const char* kind_of(datapath::VerdictKind kind) {
  switch (kind) {
    case datapath::VerdictKind::reply:
      return "reply";
    case datapath::VerdictKind::drop:
      return "drop";
    case datapath::VerdictKind::other:
      return "other";
  }
  return "?";
}

// All of them, those that are zero too: a rate needs a value before the first event.
void collect_verdicts(MetricFamilies& families, const worker::WorkerContext& context) {
  for (std::size_t i = 0; i < datapath::kVerdicts; ++i) {
    const datapath::VerdictText& verdict = datapath::kVerdictTexts[i];
    MetricFamilies::Labels labels = core_label(context);
    labels.push_back({"verdict", std::string(verdict.name)});
    labels.push_back({"kind", kind_of(verdict.kind)});
    families.counter("goldilocks_frames_total",
                     "Frames by the verdict that each ends in; their sum is frames received and resumed", labels,
                     static_cast<double>(context.counters.verdicts[i].value()));
  }
}

// Those that collect_ports() tells by core and port.
bool is_told_by_port(std::string_view name) {
  constexpr std::array<std::string_view, 5> kByPort = {"received", "received_bytes", "sent", "sent_bytes", "tx_full"};
  return std::ranges::find(kByPort, name) != kByPort.end();
}

void collect_counters(MetricFamilies& families, const worker::WorkerContext& context) {
#define X(name, help)                                                                      \
  if (!is_told_by_port(#name)) {                                                           \
    families.counter(counter_name("core", #name), "Of a core: " help, core_label(context), \
                     static_cast<double>(context.counters.name.value()));                  \
  }
  GL_CORE_COUNTERS(X)
#undef X
}

prometheus::ClientMetric::Histogram burst_histogram(const worker::WorkerContext& context) {
  prometheus::ClientMetric::Histogram histogram;
  for (std::size_t i = 0; i < worker::kBurstBuckets; ++i) {
    histogram.sample_count += context.load.bursts(i);
    histogram.bucket.push_back({histogram.sample_count, static_cast<double>(1u << i)});
  }
  histogram.sample_sum = static_cast<double>(context.counters.received.value());
  return histogram;
}

void collect_load(MetricFamilies& families, const worker::WorkerContext& context, double& idle) {
  const auto hz = static_cast<double>(rte_get_tsc_hz());
  // Busy before the time: what is added in between counts as idle, not the other way round.
  const std::uint64_t busy = context.load.busy_cycles();
  const std::uint64_t started = context.load.started();
  const std::uint64_t passed = started == 0 ? 0 : rte_get_tsc_cycles() - started;
  idle = std::max(idle, static_cast<double>(passed > busy ? passed - busy : 0) / hz);
  families.counter("goldilocks_core_busy_seconds_total", "Time of rounds that had frames, datagrams or timers to do",
                   core_label(context), static_cast<double>(busy) / hz);
  families.counter("goldilocks_core_idle_seconds_total", "The rest of the time since the core began to poll",
                   core_label(context), idle);
  families.counter("goldilocks_core_rounds_total", "Rounds of the poll loop: a core that stands still has none",
                   core_label(context), static_cast<double>(context.load.rounds()));
  families.counter("goldilocks_core_sleeps_total", "Times that an idle core slept (--rx-interrupts)",
                   core_label(context), static_cast<double>(context.load.sleeps()));
  families.counter("goldilocks_core_interrupts_total", "Of them, those that a frame ended", core_label(context),
                   static_cast<double>(context.load.interrupts()));
  families.histogram("goldilocks_core_burst_frames", "Frames that a port brought at once", core_label(context),
                     burst_histogram(context));
}

void collect_pool(MetricFamilies& families, const worker::WorkerContext& context) {
  const rte_mempool* const pool = context.settings.pool;
  if (pool == nullptr) return;
  families.gauge("goldilocks_mempool_buffers", "Packet buffers of a core", core_label(context), pool->size);
  families.gauge("goldilocks_mempool_free_buffers", "Of them, those that are free: receive queues hold many",
                 core_label(context), rte_mempool_avail_count(pool));
}

}  // namespace

void collect_cores(MetricFamilies& families, const Workers& workers, IdleSeconds& idle) {
  idle.resize(workers.contexts().size(), 0);
  for (std::size_t i = 0; i < workers.contexts().size(); ++i) {
    const worker::WorkerContext& context = *workers.contexts()[i];
    collect_verdicts(families, context);
    collect_counters(families, context);
    collect_load(families, context, idle[i]);
    collect_pool(families, context);
  }
}

}  // namespace gl::control
