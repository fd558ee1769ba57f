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

NamedCounters service_counters(const Service& service) {
  class Reader final : public CounterReader {
   public:
    void read(std::string_view name, std::uint64_t value, std::string_view) override { list.emplace_back(name, value); }
    NamedCounters list;
  } reader;
  service.read_counters(reader);
  return std::move(reader.list);
}

const Service* find_service(const worker::WorkerContext& context, std::string_view name) {
  for (const Service* const service : context.services.services()) {
    if (service->name() == name) return service;
  }
  return nullptr;
}

void add_counters(NamedCounters& sum, const NamedCounters& more) {
  if (sum.empty()) {
    sum = more;
    return;
  }
  for (std::size_t i = 0; i < sum.size(); ++i) sum[i].second += more[i].second;
}

}  // namespace gl::control
