#include "app/health/options.h"

#include <getopt.h>

#include <string_view>

#include "lib/base/parse_number.h"

namespace gl::health {

const char* const kUsage =
    "usage: goldilocks-health [OPTION]... --up COMMAND --down COMMAND ADDRESS...\n"
    "       goldilocks-health --once [OPTION]... ADDRESS...\n"
    "Asks the node a question at each ADDRESS, over UDP and TCP, by the way that clients come, and has the route\n"
    "announced while it answers. A node that drains is withdrawn at once, and so it is when this program ends.\n"
    "  -q, --question NAME[/TYPE]  what is asked; the answer has to be NOERROR (./SOA)\n"
    "  -p, --port PORT             (53)\n"
    "  -i, --interval MS           from one round of questions to the next (1000)\n"
    "  -t, --timeout MS            how long a round waits for its answers (500)\n"
    "  --rise N                    so many good rounds in a row bring it up (2)\n"
    "  --fall N                    so many bad ones take it down (3)\n"
    "  --up COMMAND                announces the route: a line for /bin/sh\n"
    "  --down COMMAND              withdraws it\n"
    "  --repeat SECONDS            the command of the state is run again so often; 0: never (10)\n"
    "  --command-time MS           how long a command may take (5000)\n"
    "  -s, --socket PATH|off       the server's control socket, which says whether it drains\n"
    "  -f, --file-prefix PREFIX    what the server's EAL flag says, where its socket is the usual one (rte)\n"
    "  --once                      one round, no command\n"
    "  -h, --help                  print this\n"
    "Exit status: 0 ended by a signal, or --once and it answers; 1 --once and it does not; 2 wrong usage.\n";

namespace {

enum Long : int { kUp = 256, kDown, kRise, kFall, kRepeat, kCommandTime, kOnce };
constexpr option kLong[] = {{"question", required_argument, nullptr, 'q'},
                            {"port", required_argument, nullptr, 'p'},
                            {"interval", required_argument, nullptr, 'i'},
                            {"timeout", required_argument, nullptr, 't'},
                            {"rise", required_argument, nullptr, kRise},
                            {"fall", required_argument, nullptr, kFall},
                            {"up", required_argument, nullptr, kUp},
                            {"down", required_argument, nullptr, kDown},
                            {"repeat", required_argument, nullptr, kRepeat},
                            {"command-time", required_argument, nullptr, kCommandTime},
                            {"socket", required_argument, nullptr, 's'},
                            {"file-prefix", required_argument, nullptr, 'f'},
                            {"once", no_argument, nullptr, kOnce},
                            {"help", no_argument, nullptr, 'h'},
                            {nullptr, 0, nullptr, 0}};

struct Number {
  int option;
  const char* name;
  std::uint32_t Options::*member;
  std::uint32_t least;
  std::uint32_t most;
};
constexpr Number kNumbers[] = {{'i', "--interval", &Options::interval_ms, 10, 3600000},
                               {'t', "--timeout", &Options::timeout_ms, 1, 60000},
                               {kRise, "--rise", &Options::rise, 1, 1000},
                               {kFall, "--fall", &Options::fall, 1, 1000},
                               {kRepeat, "--repeat", &Options::repeat_seconds, 0, 86400},
                               {kCommandTime, "--command-time", &Options::command_ms, 10, 600000}};

// What needs more than to be kept: the question and the port of all addresses.
struct Late {
  std::string question = "./SOA";
  std::string port = "53";
};

Result<std::uint32_t> number_of(const char* name, const std::string& text, std::uint32_t least, std::uint32_t most) {
  auto number = parse_number(text, least, most);
  return number ? number : Error{std::string(name) + ": " + number.error()};
}

Status take(int option, const char* argument, Options& options, Late& late) {
  for (const Number& known : kNumbers) {
    if (option != known.option) continue;
    const auto number = number_of(known.name, argument, known.least, known.most);
    if (!number) return Error{number.error()};
    options.*known.member = *number;
    return success();
  }
  if (option == 'q') {
    late.question = argument;
  } else if (option == 'p') {
    late.port = argument;
  } else if (option == kUp) {
    options.up = argument;
  } else if (option == kDown) {
    options.down = argument;
  } else if (option == 'f') {
    options.prefix = argument;
  } else if (option == 's') {
    options.control = std::string_view(argument) != "off";
    options.socket = argument;
  } else if (option == kOnce) {
    options.once = true;
  } else if (option == 'h') {
    options.help = true;
  } else {
    return Error{""};
  }
  return success();
}

Status check(const Options& options) {
  if (options.targets.empty()) return Error{"which address?"};
  if (!options.once && (options.up.empty() || options.down.empty())) return Error{"--up and --down, or --once"};
  return success();
}

}  // namespace

Result<Options> parse_options(int argc, char** argv) {
  Options options;
  Late late;
  for (int c; (c = getopt_long(argc, argv, "q:p:i:t:s:f:h", kLong, nullptr)) != -1;) {
    if (Status status = take(c, optarg, options, late); !status) return Error{status.error()};
  }
  if (options.help) return options;
  const auto port = number_of("--port", late.port, 1, 65535);
  if (!port) return Error{port.error()};
  auto question = make_question(late.question);
  if (!question) return Error{"--question: " + question.error()};
  options.question = std::move(*question);
  for (int i = optind; i < argc; ++i) {
    const auto target = parse_endpoint(argv[i], static_cast<std::uint16_t>(*port));
    if (!target) return Error{"'" + std::string(argv[i]) + "' is no address"};
    options.targets.push_back(*target);
  }
  if (Status status = check(options); !status) return Error{status.error()};
  return options;
}

}  // namespace gl::health
