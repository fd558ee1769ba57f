#include "lib/control/telemetry/summary.h"

#include <cinttypes>
#include <cstdio>
#include <map>
#include <string>
#include <utility>

#include "lib/control/log.h"
#include "lib/control/telemetry/backend_totals.h"

namespace gl::control {
namespace {

// Whoever reads lines of JSON gets nothing else.
void print_json(const std::string& title, const NamedCounters& counters) {
  LogField::Numbers numbers;
  for (const auto& [name, value] : counters) {
    if (value != 0) numbers.emplace_back(name, value);
  }
  say("counters: " + title, {{"group", title}, {"counters", std::move(numbers)}});
}

}  // namespace

void print_summary(const Workers& workers, const tcp_client::TcpHelper* helper) {
  NamedCounters frames;
  std::map<std::string_view, NamedCounters> services;
  for (const auto& context : workers.contexts()) {
    add_counters(frames, frame_counters(*context));
    for (const Service* const service : context->services.services()) {
      add_counters(services[service->name()], service_counters(*service));
    }
  }
  const auto print = [](const std::string& title, const NamedCounters& counters) {
    if (log_format() == LogFormat::json) return print_json(title, counters);
    std::printf("%s\n", title.c_str());
    for (const auto& [name, value] : counters) {
      if (value != 0) std::printf("  %-32s %" PRIu64 "\n", std::string(name).c_str(), value);
    }
  };
  print("frames", frames);
  for (const auto& [name, counters] : services) print(std::string(name), counters);
  if (const Forwarders forwarders = forwarders_of(workers); !forwarders.empty()) {
    print("forward", forward_counters(forwarders));
    const auto& backends = forwarders.front()->settings().backends;
    for (unsigned i = 0; i < backends.size(); ++i) {
      print("backend " + backends[i].name, backend_counters(forwarders, i));
    }
  }
  if (helper != nullptr) print("tcp helper", tcp_helper_counters(helper->counters()));
  std::fflush(stdout);
}

}  // namespace gl::control
