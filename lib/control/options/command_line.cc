#include "lib/control/options/command_line.h"

#include <getopt.h>

#include <algorithm>

#include "lib/control/options/config_file.h"
#include "lib/control/options/option_table.h"
#include "lib/service/registry.h"

namespace gl::control {

namespace {

constexpr std::size_t kMaxPorts = 8;
constexpr int kHelp = 'h', kVersion = 'V', kConfig = 'c', kFirstOption = 256;

std::vector<option> getopt_table(const std::vector<ServiceOption>& options) {
  std::vector<option> table = {{"help", no_argument, nullptr, kHelp},
                               {"version", no_argument, nullptr, kVersion},
                               {"config", required_argument, nullptr, kConfig}};
  int value = kFirstOption;
  for (const ServiceOption& entry : options) {
    table.push_back({entry.name.c_str(), required_argument, nullptr, value++});
  }
  table.push_back({nullptr, 0, nullptr, 0});
  return table;
}

Status check_sources(const std::vector<AddressSetting>& sources) {
  const bool twice = sources.size() == 2 && sources[0].address.index() == sources[1].address.index();
  if (sources.size() > 2 || twice) return Error{"--forward-source: more than one of a family"};
  return success();
}

// What must hold whatever the order of flags and file was.
Status check(Settings& settings) {
  const bool other = std::ranges::any_of(settings.modules, [](const auto& module) { return module->enabled(); });
  if (settings.zones.empty() && !settings.forward.enabled() && !other) {
    return Error{"nothing to serve: at least one of --zone, --forward, --http, --tftp, --nfs and the like is needed"};
  }
  if (settings.addresses.empty()) return Error{"--address: none given; at least one address to answer for is needed"};
  for (std::size_t i = 0; i < settings.addresses.size(); ++i) {
    for (std::size_t j = 0; j < i; ++j) {
      const AddressSetting& a = settings.addresses[i];
      const AddressSetting& b = settings.addresses[j];
      if (a.address == b.address && (a.port == b.port || !a.port || !b.port)) {
        return Error{"--address: the same address twice, as number " + std::to_string(j + 1) + " and " +
                     std::to_string(i + 1)};
      }
    }
  }
  if (settings.service_ports.empty()) settings.service_ports.push_back(53);
  if (settings.service_ports.size() > kMaxPorts) return Error{"--port: more than " + std::to_string(kMaxPorts)};
  settings.forward.max_udp = settings.dns.max_udp;
  settings.forward.udp_truncate_all = settings.dns.udp_truncate_all;
  settings.forward.own_cookies = settings.dns.admission.cookies != services::CookiePolicy::off;
  settings.forward.tcp_keepalive = promised_idle(settings.epoch_seconds);
  return check_sources(settings.forward_source);
}

Status apply_flags(std::vector<std::string> flags, CommandLine& line) {
  std::vector<char*> argv;
  argv.reserve(flags.size() + 1);
  for (std::string& flag : flags) argv.push_back(flag.data());
  const int argc = static_cast<int>(argv.size());
  argv.push_back(nullptr);
  const std::vector<ServiceOption> options = all_options(line.settings);
  const std::vector<option> table = getopt_table(options);
  optind = 0;  // glibc: start over
  opterr = 0;
  for (;;) {
    const int at = std::max(optind, 1);
    const int found = getopt_long(argc, argv.data(), "+:hV", table.data(), nullptr);
    if (found == -1) break;
    const std::string written = flags[static_cast<std::size_t>(at)];
    if (found == kHelp || found == kVersion) {
      line.action = found == kHelp ? CommandLine::Action::help : CommandLine::Action::version;
      return success();
    }
    if (found == ':') return Error{written + ": a value is missing"};
    if (found == '?') return Error{written + ": no such flag, or not unique; see --help"};
    if (found == kConfig) {
      if (Status status = read_config_file(optarg, line.settings); !status) return status;
      continue;
    }
    const ServiceOption& entry = options[static_cast<std::size_t>(found - kFirstOption)];
    if (Status status = entry.apply(optarg); !status) {
      return Error{std::string("--").append(entry.name).append(": ").append(status.error())};
    }
  }
  if (optind < argc) return Error{"'" + flags[static_cast<std::size_t>(optind)] + "': not a flag; see --help"};
  return check(line.settings);
}

}  // namespace

Result<CommandLine> parse_command_line(const std::vector<std::string>& arguments) {
  CommandLine line;
  const auto separator = std::find(arguments.begin(), arguments.end(), "--");
  line.eal.assign(arguments.begin(), separator);
  for (const std::string& argument : line.eal) {
    if (argument == "--help" || argument == "-h") line.action = CommandLine::Action::help;
    if (argument == "--version") line.action = CommandLine::Action::version;
  }
  if (line.action != CommandLine::Action::run) return line;
  if (separator == arguments.end()) {
    return Error{"no -- on the command line: EAL flags stand before it, those of goldilocks after it; see --help"};
  }
  std::vector<std::string> flags = {arguments.front()};
  flags.insert(flags.end(), separator + 1, arguments.end());
  if (Status status = apply_flags(std::move(flags), line); !status) return Error{status.error()};
  return line;
}

std::string help_text() {
  std::string text =
      "usage: goldilocks [EAL FLAGS] -- --zone FILE --address ADDRESS [FLAGS]\n"
      "       goldilocks [EAL FLAGS] -- --forward BACKEND --address ADDRESS [FLAGS]\n"
      "Answers DNS over TCP and UDP, without connection state, from zones in memory and from name servers behind "
      "it.\n\n"
      "EAL flags, the ones that matter (the main lcore controls, every other one polls):\n"
      "  -l 0,1                    lcores: at least two; on one CPU --lcores '(0-1)@0'\n"
      "  -a PCI, --vdev=...        ports: a bound NIC, or e.g. net_af_packet0,iface=eth1\n"
      "  --no-huge -m MB           without hugepages\n\n"
      "Flags (each is also a key of the configuration file):\n";
  const auto add = [&](const std::string& flag, const std::string& help) {
    text += "  " + flag + (flag.size() < 26 ? std::string(26 - flag.size(), ' ') : "\n" + std::string(28, ' ')) + help +
            "\n";
  };
  Settings settings;
  for (const ServiceOption& entry : all_options(settings)) {
    add(std::string("--").append(entry.name).append(" ").append(entry.argument), entry.help);
  }
  add("--config FILE", "INI file of these keys; later flags win over it");
  add("--version", "print the version");
  add("--help", "print this");
  text +=
      "\nSIGHUP reads zones, secrets and files again; SIGINT and SIGTERM end.\n"
      "Exit codes: 0 ended by a signal, 1 could not start or go on, 2 wrong usage.\n";
  return text;
}

}  // namespace gl::control
