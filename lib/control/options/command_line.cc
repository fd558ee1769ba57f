#include "lib/control/options/command_line.h"

#include <getopt.h>

#include <algorithm>
#include <set>

#include "lib/control/options/config_file.h"
#include "lib/control/options/given.h"
#include "lib/control/options/option_table.h"
#include "lib/control/options/suggest.h"
#include "lib/service/registry.h"

namespace gl::control {

namespace {

constexpr std::size_t kMaxPorts = 8;
constexpr int kHelp = 'h', kVersion = 'V', kConfig = 'c', kCheck = 'k', kPage = 'p', kFirstOption = 256;
using Action = CommandLine::Action;

// Those that are no keys of the file.
struct OwnFlag {
  const char* name;
  const char* argument;
  int value;
  const char* help;
};
constexpr OwnFlag kOwnFlags[] = {
    {"config", "FILE", kConfig, "INI file of these keys; later flags win over it"},
    {"check", "", kCheck, "say all that is wrong with flags, file, zones, secret and services' files; serve nothing"},
    {"version", "", kVersion, "print the version"},
    {"help", "", kHelp, "print this"},
    {"help-markdown", "", kPage, "print the same as a page of Markdown (docs/options.md)"},
};

std::vector<option> getopt_table(const std::vector<ServiceOption>& options) {
  std::vector<option> table;
  for (const OwnFlag& flag : kOwnFlags) {
    table.push_back({flag.name, *flag.argument == '\0' ? no_argument : required_argument, nullptr, flag.value});
  }
  int value = kFirstOption;
  for (const ServiceOption& entry : options) {
    table.push_back({entry.name.c_str(), required_argument, nullptr, value++});
  }
  table.push_back({nullptr, 0, nullptr, 0});
  return table;
}

using Problems = std::vector<std::string>;

void check_sources(const std::vector<AddressSetting>& sources, Problems& problems) {
  const bool twice = sources.size() == 2 && sources[0].address.index() == sources[1].address.index();
  if (sources.size() > 2 || twice) problems.emplace_back("--forward-source: more than one of a family");
}

void check_addresses(const std::vector<AddressSetting>& addresses, Problems& problems) {
  if (addresses.empty()) {
    problems.emplace_back("--address: none given; at least one address to answer for is needed");
  }
  for (std::size_t i = 0; i < addresses.size(); ++i) {
    for (std::size_t j = 0; j < i; ++j) {
      const AddressSetting& a = addresses[i];
      const AddressSetting& b = addresses[j];
      if (a.address == b.address && (a.port == b.port || !a.port || !b.port)) {
        problems.push_back("--address: the same address twice, as number " + std::to_string(j + 1) + " and " +
                           std::to_string(i + 1));
      }
    }
  }
}

// What must hold whatever the order of flags and file was.
void check(Settings& settings, const std::vector<GivenOption>& given, Problems& problems) {
  const bool other = std::ranges::any_of(settings.modules, [](const auto& module) { return module->enabled(); });
  const bool secondary = !settings.transfers.secondaries.empty();
  if (settings.zones.empty() && !secondary && !settings.forward.enabled() && !other) {
    problems.emplace_back(
        "nothing to serve: at least one of --zone, --secondary, --forward, --http, --tftp, --nfs and the like is "
        "needed");
  } else {
    check_given(given, problems);
  }
  check_addresses(settings.addresses, problems);
  if (settings.service_ports.empty()) settings.service_ports.push_back(53);
  if (settings.service_ports.size() > kMaxPorts) problems.push_back("--port: more than " + std::to_string(kMaxPorts));
  settings.tcp.limit_allow = settings.dns.admission.rate_allow;
  for (zone::ZoneSource& zone : settings.zones) zone.digests = settings.zone_digests;
  settings.forward.max_udp = settings.dns.max_udp;
  settings.forward.udp_truncate_all = settings.dns.udp_truncate_all;
  settings.forward.own_cookies = settings.dns.admission.cookies != services::CookiePolicy::off;
  settings.forward.tcp_keepalive = promised_idle(settings.epoch_seconds);
  check_sources(settings.forward_source, problems);
}

// getopt takes beginnings of names as well; `written` is none, or one of several.
std::string no_such_flag(const std::string& written, const std::vector<option>& table) {
  const std::string name = written.substr(0, written.find('='));
  if (!name.starts_with("--")) return name + ": no such flag; see --help";
  std::vector<std::string> names;
  std::string begins;
  for (const option& entry : table) {
    if (entry.name == nullptr) continue;
    names.emplace_back(entry.name);
    if (names.back().starts_with(name.substr(2))) begins += (begins.empty() ? "--" : ", --") + names.back();
  }
  if (!begins.empty()) return name + ": not unique: " + begins;
  const std::string meant = did_you_mean(name.substr(2), names, "--");
  return "unknown option " + name + (meant.empty() ? "; see --help" : meant);
}

Action action_of(int flag) {
  return flag == kHelp ? Action::help : flag == kPage ? Action::options_page : Action::version;
}

void apply_flags(std::vector<std::string> flags, CommandLine& line) {
  std::vector<char*> argv;
  argv.reserve(flags.size() + 1);
  for (std::string& flag : flags) argv.push_back(flag.data());
  const int argc = static_cast<int>(argv.size());
  argv.push_back(nullptr);
  const std::vector<ServiceOption> options = all_options(line.settings);
  const std::vector<option> table = getopt_table(options);
  Problems& problems = line.problems;
  std::vector<GivenOption> given;   // in the file too
  std::set<std::string> flags_had;  // a flag wins over the file, but not over itself
  optind = 0;                       // glibc: start over
  opterr = 0;
  while (optind < argc) {
    const int at = std::max(optind, 1);
    const int found = getopt_long(argc, argv.data(), "+:hV", table.data(), nullptr);
    if (found == -1 && optind >= argc) break;
    const std::string written = flags[static_cast<std::size_t>(at)];
    if (found == -1) {
      problems.push_back("'" + flags[static_cast<std::size_t>(optind++)] + "': not a flag; see --help");
    } else if (found == kHelp || found == kVersion || found == kPage) {
      line.action = action_of(found);
      return;
    } else if (found == ':') {
      problems.push_back(written + ": a value is missing");
    } else if (found == '?') {
      problems.push_back(no_such_flag(written, table));
      // What follows is its value, as with nearly all flags.
      const bool alone = optind >= argc || flags[static_cast<std::size_t>(optind)].starts_with("-");
      if (!alone && written.find('=') == std::string::npos) ++optind;
    } else if (found == kCheck) {
      line.action = Action::check;
    } else if (found == kConfig) {
      read_config_file(optarg, line.settings, given, problems);
    } else if (const ServiceOption& entry = options[static_cast<std::size_t>(found - kFirstOption)]; true) {
      const std::string flag = "--" + entry.name;
      given.push_back({entry.name, optarg, flag});
      if (!flags_had.insert(flag).second && !may_repeat(entry)) {
        problems.push_back(flag + ": given twice, and only one can count");
      } else if (Status status = entry.apply(optarg); !status) {
        problems.push_back(flag + ": " + status.error());
      }
    }
  }
  check(line.settings, given, problems);
}

}  // namespace

Result<CommandLine> parse_command_line(const std::vector<std::string>& arguments, LogSettings* log) {
  CommandLine line;
  auto separator = std::find(arguments.begin(), arguments.end(), "--");
  const bool alone = separator == arguments.end();
  line.eal.assign(arguments.begin(), separator);
  for (const std::string& argument : line.eal) {
    if (argument == "--help" || argument == "-h") line.action = Action::help;
    if (argument == "--help-markdown") line.action = Action::options_page;
    if (argument == "--version") line.action = Action::version;
    if (argument == "--check") line.action = Action::check;
  }
  if (line.action != Action::run && line.action != Action::check) return line;
  // To check takes no EAL, so nothing has to be told apart.
  if (alone && line.action != Action::check) {
    return Error{"no -- on the command line: EAL flags stand before it, those of goldilocks after it; see --help"};
  }
  std::vector<std::string> flags = {arguments.front()};
  flags.insert(flags.end(), alone ? arguments.begin() + 1 : separator + 1, arguments.end());
  apply_flags(std::move(flags), line);
  if (log != nullptr) *log = line.settings.log;
  if (line.action == Action::run && !line.problems.empty()) return Error{line.problems.front()};
  return line;
}

std::string help_text() {
  std::string text =
      "usage: goldilocks [EAL FLAGS] -- --zone FILE --address ADDRESS [FLAGS]\n"
      "       goldilocks [EAL FLAGS] -- --forward BACKEND --address ADDRESS [FLAGS]\n"
      "       goldilocks --check [FLAGS]\n"
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
  for (const OwnFlag& flag : kOwnFlags) {
    add(std::string("--").append(flag.name).append(*flag.argument == '\0' ? "" : " ").append(flag.argument), flag.help);
  }
  text +=
      "\nSIGHUP reads zones, secrets and files again; SIGINT and SIGTERM end.\n"
      "Exit codes: 0 ended by a signal, or checked and good, 1 could not start or go on, 2 wrong usage.\n";
  return text;
}

namespace {

// A cell of a table: `|` ends none.
std::string cell(std::string_view text) {
  std::string escaped;
  for (const char c : text) {
    if (c == '|') escaped += '\\';
    escaped += c;
  }
  return escaped;
}

std::string row(const std::string& flag, const std::string& argument, const std::string& help) {
  const std::string value = argument.empty() ? "" : "`" + cell(argument) + "`";
  return "| `" + flag + "` | " + value + " | " + cell(help) + " |\n";
}

}  // namespace

std::string options_page() {
  std::string text =
      "# Flags, and keys of the configuration file\n\n"
      "Generated by `goldilocks --help-markdown` from the table that the program itself uses; a test fails\n"
      "where it is stale. The same name is a flag (`--max-udp 1400`) and a key (`max-udp = 1400`). The\n"
      "default stands in parentheses. [operations.md](operations.md) says what they are for.\n\n"
      "## Flags and keys\n"
      "| Flag and key | Value | Meaning |\n|---|---|---|\n";
  Settings settings;
  for (const ServiceOption& entry : all_options(settings)) text += row(entry.name, entry.argument, entry.help);
  text += "\n## Flags only\n| Flag | Value | Meaning |\n|---|---|---|\n";
  for (const OwnFlag& flag : kOwnFlags) text += row(std::string("--") + flag.name, flag.argument, flag.help);
  return text;
}

}  // namespace gl::control
