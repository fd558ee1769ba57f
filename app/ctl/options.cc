#include "app/ctl/options.h"

#include <getopt.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <string_view>
#include <vector>

#include "app/ctl/connection.h"
#include "lib/base/json.h"
#include "lib/base/parse_number.h"
#include "lib/base/printable.h"

namespace gl::ctl {

const char* const kUsage =
    "usage: goldilocks-ctl [-s PATH | -f PREFIX] [-t SECONDS] [--json] COMMAND [ARGUMENT]\n"
    "Asks a running goldilocks on this machine, or tells it what to do.\n"
    "  status            version, state, ports, how many zones and backends\n"
    "  counters          of each worker and their sum; what is zero is left out, but for --json\n"
    "  zones             name, serial, records, when and whence\n"
    "  backends          the name servers behind: what is wanted of them, whether they answer, counters, round trips\n"
    "  backend up|down|drain NAME\n"
    "                    down: asked for nothing; drain: only where its pool has no other; until the server ends\n"
    "  flush             answers of name servers that are kept (--forward-serve) serve nobody any more\n"
    "  log-level [LEVEL]\n"
    "                    what the log says from now on: error, warning, notice, info, debug; without: which it is\n"
    "  health            exit status 0 where it serves, 1 where it drains, ends, or does not answer\n"
    "  reload            as SIGHUP; waits for the end of it\n"
    "  zone-reload ZONE  reads the file of this zone, changed or not; waits for the end of it\n"
    "  drain [SECONDS]   health says no, and clients are served on; for so long, or until `undrain`\n"
    "  undrain           health says yes again\n"
    "  stop [SECONDS]    as SIGTERM, with SECONDS in the place of --drain\n"
    "Options:\n"
    "  -s, --socket PATH         what --control-socket says\n"
    "  -f, --file-prefix PREFIX  what the server's EAL flag says (rte)\n"
    "  -t, --timeout SECONDS     how long to wait for the answer (5; reloads: until they end)\n"
    "  -j, --json                print the answer as it came: one line of JSON\n"
    "  -h, --help                print this\n"
    "Exit status: 0 done; 1 refused, not well, or nobody answers; 2 wrong usage.\n";

namespace {

constexpr std::uint32_t kUsualWait = 5;
constexpr option kLong[] = {
    {"socket", required_argument, nullptr, 's'},  {"file-prefix", required_argument, nullptr, 'f'},
    {"timeout", required_argument, nullptr, 't'}, {"json", no_argument, nullptr, 'j'},
    {"help", no_argument, nullptr, 'h'},          {nullptr, 0, nullptr, 0}};

// What may follow a command: the members that these words become.
struct Command {
  std::string_view name;
  std::array<const char*, 2> members{};  // null: no more
  std::size_t required = 0;              // words
  bool takes_long = false;
};
constexpr auto kCommands = std::to_array<Command>({{"status"},
                                                   {"counters"},
                                                   {"zones"},
                                                   {"backends"},
                                                   {"backend", {"wanted", "backend"}, 2},
                                                   {"flush"},
                                                   {"log-level", {"level"}},
                                                   {"health"},
                                                   {.name = "reload", .takes_long = true},
                                                   {"zone-reload", {"zone"}, 1, true},
                                                   {"drain", {"seconds"}},
                                                   {"undrain"},
                                                   {"stop", {"seconds"}}});

constexpr std::uint32_t kMostSeconds = 86400;

bool complain(const std::string& what) {
  std::fprintf(stderr, "goldilocks-ctl: %s\n", harmless(what).c_str());
  return false;
}

bool take_member(const Json& request, std::string_view member, const std::string& word) {
  if (member == "wanted" && word != "up" && word != "down" && word != "drain") {
    return complain("'" + word + "' is none of up, down and drain");
  }
  if (member != "seconds") return put(request, member, word), true;
  const auto number = parse_number(word, 1, kMostSeconds);
  if (!number) return complain(number.error());
  put(request, member, *number);
  return true;
}

bool take_command(const std::vector<std::string>& words, const Command& command, Options& options) {
  const Json request = new_object();
  put(request, "command", command.name);
  for (std::size_t i = 1; i < words.size(); ++i) {
    const char* const member = i <= command.members.size() ? command.members[i - 1] : nullptr;
    if (member == nullptr) return complain(words[0] + " takes fewer words");
    if (!take_member(request, member, words[i])) return false;
  }
  if (words.size() <= command.required)
    return complain(words[0] + ": which " + command.members[words.size() - 1] + "?");
  options.command = words[0];
  options.request = to_line(request);
  return true;
}

bool take_words(const std::vector<std::string>& words, Options& options, bool waits_as_told) {
  if (words.empty()) return complain("which command?");
  for (const Command& command : kCommands) {
    if (words[0] != command.name) continue;
    if (!waits_as_told) options.wait_seconds = command.takes_long ? 0 : kUsualWait;
    return take_command(words, command, options);
  }
  return complain("no such command: " + words[0]);
}

}  // namespace

std::optional<Options> parse_options(int argc, char** argv) {
  Options options;
  std::optional<std::string> prefix;
  std::optional<std::string> socket;
  bool waits_as_told = false;
  for (int c; (c = getopt_long(argc, argv, "f:hjs:t:", kLong, nullptr)) != -1;) {
    if (c == 'f') {
      prefix = optarg;
    } else if (c == 's') {
      socket = optarg;
    } else if (c == 'j') {
      options.json = true;
    } else if (c == 'h') {
      options.help = true;
    } else if (c == 't') {
      const auto seconds = parse_number(optarg, 1, kMostSeconds);
      if (!seconds) return complain("--timeout: " + seconds.error()), std::nullopt;
      options.wait_seconds = *seconds;
      waits_as_told = true;
    } else {
      return std::nullopt;
    }
  }
  if (options.help) return options;
  if (socket && prefix) return complain("--socket and --file-prefix: either says where the server is"), std::nullopt;
  if (socket && socket->empty()) return complain("--socket: no path"), std::nullopt;
  if (prefix && prefix->empty()) return complain("--file-prefix: no prefix"), std::nullopt;
  options.socket = socket ? *socket : default_socket(prefix.value_or("rte"));
  if (!take_words({argv + optind, argv + argc}, options, waits_as_told)) return std::nullopt;
  return options;
}

}  // namespace gl::ctl
