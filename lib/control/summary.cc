#include "lib/control/summary.h"

#include <cinttypes>
#include <cstdio>
#include <string>

#include "lib/control/totals.h"

namespace gl::control {

void print_summary(const Workers& workers) {
  NamedCounters frames;
  NamedCounters dns;
  for (const auto& context : workers.contexts()) {
    add_counters(frames, frame_counters(*context));
    add_counters(dns, dns_counters(*context));
  }
  const auto print = [](const char* title, const NamedCounters& counters) {
    std::printf("%s\n", title);
    for (const auto& [name, value] : counters) {
      if (value != 0) std::printf("  %-32s %" PRIu64 "\n", std::string(name).c_str(), value);
    }
  };
  print("frames", frames);
  print("dns", dns);
  std::fflush(stdout);
}

}  // namespace gl::control
