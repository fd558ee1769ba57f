#include "lib/control/check/check.h"

#include <sodium.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>

#include "lib/base/printable.h"
#include "lib/base/text.h"
#include "lib/base/writable_file.h"
#include "lib/control/keys/secret_file.h"
#include "lib/control/options/parse_value.h"

namespace gl::control {
namespace {

void check_secret(const std::string& path, CheckReport& report) {
  struct stat status {};
  if (stat(path.c_str(), &status) == 0 || errno != ENOENT) {
    const auto secrets = read_secret_file(path);
    if (!secrets) return report.errors.push_back(secrets.error());
    return report.found.push_back("secret file " + path + ": " + counted(secrets->node.size(), "secret") +
                                  (secrets->dns.empty() ? "" : ", DNS cookie secrets of its own"));
  }
  report.warnings.push_back("secret file " + path +
                            ": is not there; a start makes it, with a secret of this node only");
}

// What two services would be asked on over UDP. TCP ports, and what depends on DPDK's, only a start can tell.
void check_datagram_ports(const Settings& settings, CheckReport& report) {
  struct Taken {
    PortRange ports;
    std::string by;
  };
  std::vector<Taken> taken;
  const auto take = [&](PortRange ports, const std::string& by) {
    for (const Taken& other : taken) {
      if (ports.first > other.ports.last || other.ports.first > ports.last) continue;
      report.errors.push_back("--" + by + ": UDP port " + std::to_string(std::max(ports.first, other.ports.first)) +
                              " is that of --" + other.by);
    }
    taken.push_back({ports, by});
  };
  if (!settings.zones.empty() || !settings.transfers.secondaries.empty() || settings.forward.enabled()) {
    for (const std::uint16_t port : settings.service_ports) take({port, port}, "port");
  }
  for (const auto& module : settings.modules) {
    if (!module->enabled()) continue;
    for (const PortRange& ports : module->datagram_ports()) take(ports, std::string(module->name()));
  }
}

void check_services(const Settings& settings, CheckReport& report) {
  const ServiceModule::Surroundings around{[] {}, settings.linger_seconds, 0, settings.tcp.immediate,
                                           [](std::string_view) { return std::array<std::uint8_t, 16>{}; }};
  for (const auto& module : settings.modules) {
    if (module->enabled()) module->settle();
  }
  for (const auto& module : settings.modules) {
    if (!module->enabled()) continue;
    const auto warnings = module->check(around);
    if (!warnings) {
      report.errors.push_back(warnings.error());
      continue;
    }
    report.warnings.insert(report.warnings.end(), warnings->begin(), warnings->end());
    report.found.push_back("service " + std::string(module->name()));
  }
}

// A socket's reader may come later, but not into a folder that is not there.
void check_dnstap(const DnstapSettings& settings, CheckReport& report) {
  if (settings.kind == DnstapSettings::Kind::tcp) return;
  if (settings.kind == DnstapSettings::Kind::file) {
    struct stat found {};
    if (stat(settings.target.c_str(), &found) == 0 && !S_ISREG(found.st_mode)) {
      return report.errors.push_back("--dnstap: " + settings.target + ": is not a regular file");
    }
    if (Status status = check_writable(settings.target); !status)
      report.errors.push_back("--dnstap: " + status.error());
    return;
  }
  const std::size_t slash = settings.target.rfind('/');
  const std::string folder = slash == std::string::npos ? "." : settings.target.substr(0, slash + 1);
  if (access(folder.c_str(), X_OK) == 0) return;
  report.warnings.push_back("--dnstap: " + settings.target + ": no reader can be there: " + std::strerror(errno));
}

void describe(const Settings& settings, CheckReport& report) {
  report.found.push_back(counted(settings.addresses.size(), "address flag"));
  if (settings.forward.enabled()) {
    report.found.push_back(counted(settings.forward.backends.size(), "name server") + " behind, " +
                           counted(settings.forward.pools.size(), "pool"));
  }
  if (settings.metrics) report.found.push_back("metrics at http://" + wire::to_text(*settings.metrics) + "/metrics");
}

void print(const char* kind, const std::vector<std::string>& lines) {
  for (const std::string& line : lines) std::printf("%s: %s\n", kind, harmless(line).c_str());
}

}  // namespace

int check_configuration(const CommandLine& line) {
  CheckReport report;
  if (sodium_init() < 0) report.errors.emplace_back("libsodium does not start");
  const Settings& settings = line.settings;
  describe(settings, report);
  check_secret(settings.secret_path, report);
  check_transfers(settings.transfers, check_zones(settings.zones, report), report);
  check_datagram_ports(settings, report);
  check_services(settings, report);
  if (settings.dnstap) check_dnstap(*settings.dnstap, report);
  print("ok", report.found);
  print("warning", report.warnings);
  print("error", line.problems);
  print("error", report.errors);
  const std::size_t errors = line.problems.size() + report.errors.size();
  std::printf("%s, %s; EAL flags, DPDK ports and the ways to name servers are not tried\n",
              counted(errors, "error").c_str(), counted(report.warnings.size(), "warning").c_str());
  return !line.problems.empty() ? 2 : report.errors.empty() ? 0 : 1;
}

}  // namespace gl::control
