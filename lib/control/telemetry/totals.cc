#include "lib/control/telemetry/totals.h"

namespace gl::control {

NamedCounters frame_counters(const worker::WorkerContext& context) {
  const datapath::CoreCounters& counters = context.counters;
  NamedCounters list;
#define X(name, help) list.emplace_back(#name, counters.name.value());
  GL_CORE_COUNTERS(X)
#undef X
  list.emplace_back("verdict_sum", counters.verdict_sum());
  for (std::size_t i = 0; i < datapath::kVerdicts; ++i) {
    list.emplace_back(datapath::kVerdictTexts[i].name, counters.verdicts[i].value());
  }
  return list;
}

NamedCounters dns_counters(const worker::WorkerContext& context) {
  const services::DnsCounters& counters = context.dns.counters();
  NamedCounters list;
#define X(name, help) list.emplace_back(#name, counters.name.value());
  GL_DNS_COUNTERS(X)
#undef X
  return list;
}

void add_counters(NamedCounters& sum, const NamedCounters& more) {
  if (sum.empty()) {
    sum = more;
    return;
  }
  for (std::size_t i = 0; i < sum.size(); ++i) sum[i].second += more[i].second;
}

}  // namespace gl::control
