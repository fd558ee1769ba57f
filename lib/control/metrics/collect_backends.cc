#include "lib/control/metrics/collect.h"
#include "lib/control/telemetry/backend_totals.h"

namespace gl::control {

namespace {

void collect_forward(MetricFamilies& families, const worker::WorkerContext& context) {
  if (context.forwarder == nullptr) return;
  const backend::ForwardCounters& counters = context.forwarder->counters();
#define X(name, help)                                                                        \
  families.counter(counter_name("forward", #name), "Forwarding: " help, core_label(context), \
                   static_cast<double>(counters.name.value()));
  GL_FORWARD_COUNTERS(X)
#undef X
}

// Of all cores together: a series for each core and backend would be many, and say little.
void collect_counters(MetricFamilies& families, const Forwarders& forwarders, unsigned index,
                      const MetricFamilies::Labels& label) {
  const NamedCounters sums = backend_counters(forwarders, index);
  auto sum = sums.begin();
#define X(name, help) \
  families.counter(counter_name("backend", #name), "Of a backend: " help, label, static_cast<double>((sum++)->second));
  GL_BACKEND_COUNTERS(X)
#undef X
}

prometheus::ClientMetric::Histogram round_trips(const Latency& latency) {
  constexpr double kMicroseconds = 1e-6;
  prometheus::ClientMetric::Histogram histogram;
  for (std::size_t i = 0; i < Latency::kBuckets; ++i) {
    histogram.sample_count += latency.buckets()[i];
    if (i + 1 == Latency::kBuckets) break;  // has no end
    histogram.bucket.push_back({histogram.sample_count, static_cast<double>(std::uint64_t{2} << i) * kMicroseconds});
  }
  histogram.sample_sum = static_cast<double>(latency.sum()) * kMicroseconds;
  return histogram;
}

void collect_backend(MetricFamilies& families, const Forwarders& forwarders, unsigned index) {
  const MetricFamilies::Labels label = {{"backend", forwarders.front()->settings().backends[index].name}};
  const std::uint64_t up = cores_up(forwarders, index);
  families.gauge("goldilocks_backend_up", "Whether any core sees a backend up", label, up != 0);
  families.gauge("goldilocks_backend_up_cores", "How many cores see a backend up", label, static_cast<double>(up));
  families.histogram("goldilocks_backend_round_trip_seconds", "Round trips to a backend over UDP", label,
                     round_trips(latency_of(forwarders, index)));
  collect_counters(families, forwarders, index, label);
}

void collect_helper(MetricFamilies& families, const tcp_client::TcpHelperCounters& counters) {
#define X(name, help)                                                               \
  families.counter(counter_name("tcp_helper", #name), "TCP to backends: " help, {}, \
                   static_cast<double>(counters.name.value()));
  GL_TCP_HELPER_COUNTERS(X)
#undef X
}

}  // namespace

void collect_backends(MetricFamilies& families, const Workers& workers, const tcp_client::TcpHelper* helper) {
  const Forwarders forwarders = forwarders_of(workers);
  if (forwarders.empty()) return;
  for (const auto& context : workers.contexts()) collect_forward(families, *context);
  const std::size_t count = forwarders.front()->settings().backends.size();
  for (unsigned i = 0; i < count; ++i) collect_backend(families, forwarders, i);
  if (helper != nullptr) collect_helper(families, helper->counters());
}

}  // namespace gl::control
