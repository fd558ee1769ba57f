#include <rte_version.h>
#include <sys/resource.h>
#include <unistd.h>

#include <ctime>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <sstream>
#include <string>

#include "lib/control/metrics/collect.h"

namespace gl::control {

namespace {

// Of proc(5), /proc/PID/stat.
struct ProcessStat {
  double cpu_seconds = 0;
  double start_seconds = 0;  // since the machine started
  double virtual_bytes = 0;
  double resident_bytes = 0;
};

std::optional<ProcessStat> parse_stat(const std::string& text) {
  // The second field is the program's name, and may hold anything; the third is behind its last parenthesis.
  const std::size_t name_end = text.rfind(')');
  if (name_end == std::string::npos) return std::nullopt;
  std::istringstream rest(text.substr(name_end + 1));
  const std::vector<std::string> fields{std::istream_iterator<std::string>(rest), {}};
  constexpr std::size_t kThird = 3, kUtime = 14, kStime = 15, kStart = 22, kVsize = 23, kRss = 24;
  if (fields.size() <= kRss - kThird) return std::nullopt;
  const auto field = [&](std::size_t number) { return std::stod(fields[number - kThird]); };
  const auto per_second = static_cast<double>(sysconf(_SC_CLK_TCK));
  return ProcessStat{(field(kUtime) + field(kStime)) / per_second, field(kStart) / per_second, field(kVsize),
                     field(kRss) * static_cast<double>(sysconf(_SC_PAGESIZE))};
}

// Unix time of the machine's start.
std::optional<double> boot_time() {
  std::ifstream file("/proc/stat");
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with("btime ")) return std::stod(line.substr(6));
  }
  return std::nullopt;
}

std::optional<double> open_descriptors() {
  std::error_code error;
  const std::filesystem::directory_iterator all("/proc/self/fd", error);
  if (error) return std::nullopt;
  return static_cast<double>(std::distance(begin(all), end(all)));
}

void collect_descriptors(MetricFamilies& families) {
  if (const auto open = open_descriptors()) {
    families.gauge("process_open_fds", "Number of open file descriptors.", {}, *open);
  }
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  families.gauge("process_max_fds", "Maximum number of open file descriptors.", {},
                 static_cast<double>(limit.rlim_cur));
}

double seconds_since_boot() {
  timespec now{};
  clock_gettime(CLOCK_BOOTTIME, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

void collect_times(MetricFamilies& families, double start_after_boot) {
  families.gauge("goldilocks_uptime_seconds", "Time since the process started", {},
                 seconds_since_boot() - start_after_boot);
  const auto boot = boot_time();
  if (!boot) return;
  families.gauge("process_start_time_seconds", "Start time of the process since unix epoch in seconds.", {},
                 *boot + start_after_boot);
}

}  // namespace

void collect_process(MetricFamilies& families) {
  families.gauge("goldilocks_build_info", "Versions of the program and of DPDK; always 1",
                 {{"version", GOLDILOCKS_VERSION}, {"dpdk", rte_version()}}, 1);
  collect_descriptors(families);
  std::ifstream file("/proc/self/stat");
  std::string text;
  std::getline(file, text);
  const auto stat = parse_stat(text);
  if (!stat) return;
  families.counter("process_cpu_seconds_total", "Total user and system CPU time spent in seconds.", {},
                   stat->cpu_seconds);
  families.gauge("process_resident_memory_bytes", "Resident memory size in bytes.", {}, stat->resident_bytes);
  families.gauge("process_virtual_memory_bytes", "Virtual memory size in bytes.", {}, stat->virtual_bytes);
  collect_times(families, stat->start_seconds);
}

}  // namespace gl::control
