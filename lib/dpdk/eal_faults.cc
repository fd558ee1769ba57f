#include "lib/dpdk/eal_faults.h"

#include <fcntl.h>
#include <net/if.h>
#include <rte_errno.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <fstream>
#include <optional>
#include <utility>

namespace gl::dpdk {
namespace {

bool has(const std::vector<std::string>& arguments, const std::string& flag) {
  return std::any_of(arguments.begin(), arguments.end(),
                     [&](const std::string& a) { return a == flag || a.starts_with(flag + "="); });
}

// `--flag=value`, `--flag value`, or for short ones `-l value` and `-lvalue`.
std::vector<std::string> values_of(const std::vector<std::string>& arguments, const std::string& flag) {
  std::vector<std::string> values;
  for (std::size_t i = 1; i < arguments.size(); ++i) {
    const std::string& a = arguments[i];
    if (a == flag && i + 1 < arguments.size()) {
      values.push_back(arguments[i + 1]);
    } else if (a.starts_with(flag + "=")) {
      values.push_back(a.substr(flag.size() + 1));
    } else if (flag.size() == 2 && a.size() > 2 && a.starts_with(flag)) {
      values.push_back(a.substr(2));
    }
  }
  return values;
}

// The largest number in a list such as 0,2-5; nothing where it is none.
std::optional<unsigned long> largest_in(const std::string& list) {
  std::optional<unsigned long> largest;
  const char* at = list.data();
  const char* const end = at + list.size();
  while (at < end) {
    unsigned long number = 0;
    const auto [next, error] = std::from_chars(at, end, number);
    if (error != std::errc{}) return std::nullopt;
    largest = std::max(largest.value_or(0), number);
    if (next < end && *next != ',' && *next != '-') return std::nullopt;
    at = next + 1;
  }
  return largest;
}

std::string missing_interface(const std::vector<std::string>& arguments) {
  for (const std::string& device : values_of(arguments, "--vdev")) {
    // Others make the interface that they name.
    if (!device.starts_with("net_af_packet") && !device.starts_with("net_af_xdp")) continue;
    const std::size_t at = device.find(",iface=");
    if (at == std::string::npos) continue;
    const std::string name = device.substr(at + 7, device.find(',', at + 7) - (at + 7));
    if (if_nametoindex(name.c_str()) == 0) {
      std::string fault = "--vdev=";
      return fault.append(device)
          .append(": there is no interface '")
          .append(name)
          .append("' here (ip link shows them)");
    }
  }
  return {};
}

std::string missing_lcore(const std::vector<std::string>& arguments) {
  const long count = sysconf(_SC_NPROCESSORS_CONF);
  for (const std::string& list : values_of(arguments, "-l")) {
    const auto largest = largest_in(list);
    if (!largest || count <= 0 || *largest < static_cast<unsigned long>(count)) continue;
    return "-l " + list + ": this machine has the CPUs 0 to " + std::to_string(count - 1) +
           "; several lcores on one CPU: --lcores '(0-1)@0'";
  }
  return {};
}

// Who holds the lock on this file prefix's configuration; 0: nobody.
pid_t holder_of(const std::string& prefix) {
  const int file = open(("/var/run/dpdk/" + prefix + "/config").c_str(), O_RDWR | O_CLOEXEC);
  if (file < 0) return 0;
  struct flock lock {};
  lock.l_type = F_WRLCK;
  lock.l_whence = SEEK_SET;
  const bool held = fcntl(file, F_GETLK, &lock) == 0 && lock.l_type != F_UNLCK;
  close(file);
  return held ? lock.l_pid : 0;
}

bool without_hugepages() {
  std::ifstream info("/proc/meminfo");
  std::string word;
  while (info >> word) {
    unsigned long pages = 0;
    if (word == "HugePages_Total:" && info >> pages && pages != 0) return false;
  }
  return true;
}

}  // namespace

EalFault fault_before(const std::vector<std::string>& arguments) {
  std::string fault = missing_lcore(arguments);
  if (!fault.empty()) return {std::move(fault), true};
  return {missing_interface(arguments)};
}

std::string fault_after(const std::vector<std::string>& arguments, int error) {
  const auto prefixes = values_of(arguments, "--file-prefix");
  const std::string prefix = prefixes.empty() ? "rte" : prefixes.back();
  if (const pid_t holder = holder_of(prefix); holder != 0 && holder != getpid()) {
    return "process " + std::to_string(holder) + " runs with the file prefix '" + prefix +
           "' already: give this one another, --file-prefix=NAME";
  }
  if (!has(arguments, "--no-huge") && without_hugepages()) {
    return "no hugepages are set up: sysctl vm.nr_hugepages=512, or --no-huge -m 512 (docs/operations.md)";
  }
  if (geteuid() != 0)
    return "not as root: hugepages, ports and /var/run/dpdk are root's unless they were given to others";
  if (error == EINVAL) return "an EAL flag that it does not take (see above); those of goldilocks come after --";
  return {};
}

}  // namespace gl::dpdk
