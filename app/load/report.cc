#include "app/load/report.h"

#include <rte_cycles.h>

namespace gl::load {
namespace {

const char* name(Mode mode) {
  switch (mode) {
    case Mode::udp:
      return "udp";
    case Mode::tcp:
      return "tcp";
    case Mode::syn:
      return "syn";
  }
  return "";
}

void print_json(std::FILE* to, const Options& o, const Report& r, const Totals& t) {
  const double hz = static_cast<double>(rte_get_tsc_hz());
  std::fprintf(to, "{\"mode\":\"%s\",\"connections\":%u,\"queries_per_connection\":%u,\"seconds\":%.3f,", name(o.mode),
               o.connections, o.queries_per_connection, t.seconds);
#define X(key, help) std::fprintf(to, "\"%s\":%llu,", #key, static_cast<unsigned long long>(r.counts.key));
  GL_LOAD_COUNTERS(X)
#undef X
  std::fprintf(to, "\"rcode\":[");
  for (std::size_t i = 0; i < r.counts.rcode.size(); ++i) {
    std::fprintf(to, "%s%llu", i == 0 ? "" : ",", static_cast<unsigned long long>(r.counts.rcode[i]));
  }
  std::fprintf(to,
               "],\"frames_sent\":%llu,\"frames_refused\":%llu,\"completed_per_second\":%.0f,"
               "\"answers_per_second\":%.0f,\"p50_us\":%.2f,\"p99_us\":%.2f}\n",
               static_cast<unsigned long long>(t.frames_sent), static_cast<unsigned long long>(t.frames_refused),
               static_cast<double>(t.completed) / t.seconds, static_cast<double>(t.answers) / t.seconds,
               r.latency.quantile_us(0.5, hz), r.latency.quantile_us(0.99, hz));
}

void print_text(std::FILE* to, const Report& r, const Totals& t) {
  const double hz = static_cast<double>(rte_get_tsc_hz());
  std::fprintf(to, "%.2f s: %.0f exchanges/s, %.0f answers/s, %.0f frames/s sent, p50 %.2f us, p99 %.2f us\n",
               t.seconds, static_cast<double>(t.completed) / t.seconds, static_cast<double>(t.answers) / t.seconds,
               static_cast<double>(t.frames_sent) / t.seconds, r.latency.quantile_us(0.5, hz),
               r.latency.quantile_us(0.99, hz));
#define X(key, help)     \
  if (r.counts.key != 0) \
    std::fprintf(to, "  %-14s %12llu  %s\n", #key, static_cast<unsigned long long>(r.counts.key), help);
  GL_LOAD_COUNTERS(X)
#undef X
  for (std::size_t i = 0; i < r.counts.rcode.size(); ++i) {
    if (r.counts.rcode[i] == 0) continue;
    std::fprintf(to, "  rcode %-8zu %12llu\n", i, static_cast<unsigned long long>(r.counts.rcode[i]));
  }
}

}  // namespace

void print_second(std::FILE* to, double at, const Counts& now, const Counts& before, double seconds) {
  std::fprintf(to, "%6.1f s  %9.0f exchanges/s  %9.0f answers/s  %llu retransmitted  %llu failed\n", at,
               static_cast<double>(now.completed - before.completed) / seconds,
               static_cast<double>(now.answers - before.answers) / seconds,
               static_cast<unsigned long long>(now.retransmitted - before.retransmitted),
               static_cast<unsigned long long>(now.failed + now.reset - before.failed - before.reset));
}

void print_totals(std::FILE* to, const Options& options, const Report& report, const Totals& totals) {
  if (options.json)
    print_json(to, options, report, totals);
  else
    print_text(to, report, totals);
}

}  // namespace gl::load
