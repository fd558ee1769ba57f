#include "app/rpc/options.h"

#include <getopt.h>

#include "lib/base/text.h"

namespace gl::rpc_client {
namespace {

constexpr int kOutstanding = 1000;
constexpr int kBoot = 1001;
constexpr int kWait = 1002;
constexpr int kLoss = 1003;
constexpr int kSeed = 1004;
constexpr int kStatistics = 1005;
constexpr option kLong[] = {{"outstanding", required_argument, nullptr, kOutstanding},
                            {"boot", required_argument, nullptr, kBoot},
                            {"wait", required_argument, nullptr, kWait},
                            {"loss", required_argument, nullptr, kLoss},
                            {"seed", required_argument, nullptr, kSeed},
                            {"statistics", no_argument, nullptr, kStatistics},
                            {"help", no_argument, nullptr, 'h'},
                            {nullptr, 0, nullptr, 0}};

template <class T>
bool take_number(const char* text, std::uint32_t low, std::uint32_t high, T& to) {
  const auto number = parse_decimal(text, low, high);
  if (number) to = static_cast<T>(*number);
  return number.has_value();
}

bool take(int option, const char* argument, Options& options) {
  switch (option) {
    case 'h':
      options.help = true;
      return true;
    case 'p':
      return take_number(argument, 1, 65535, options.port);
    case kOutstanding:
      return take_number(argument, 1, rpc_once::kWindow, options.outstanding);
    case kBoot:
      options.boot_file = argument;
      return !options.boot_file.empty();
    case kWait:
      return take_number(argument, 1, 60, options.wait_seconds);
    case kLoss:
      return take_number(argument, 0, 99, options.loss_percent);
    case kSeed:
      return take_number(argument, 0, 0xffffffff, options.seed);
    case kStatistics:
      options.statistics = true;
      return true;
    default:
      return take_option(option, argument, options.lookup);
  }
}

bool take_procedure(std::string_view name, rpc_once::Procedure& procedure) {
  if (name == "echo") {
    procedure = rpc_once::Procedure::echo;
  } else if (name == "append") {
    procedure = rpc_once::Procedure::append;
  } else if (name == "count") {
    procedure = rpc_once::Procedure::count;
  } else {
    return false;
  }
  return true;
}

}  // namespace

std::optional<Options> parse_options(int argc, char** argv) {
  Options options;
  // What follows HOST is text, also where it begins with a dash.
  for (int c; (c = getopt_long(argc, argv, "+46hs:p:", kLong, nullptr)) != -1;) {
    if (!take(c, optarg, options)) return std::nullopt;
  }
  if (options.help) return options;
  if (argc - optind < 2 || (!options.lookup.v4 && !options.lookup.v6)) return std::nullopt;
  options.host = argv[optind];
  if (!take_procedure(argv[optind + 1], options.procedure)) return std::nullopt;
  options.texts.assign(argv + optind + 2, argv + argc);
  if (options.procedure == rpc_once::Procedure::count && !options.texts.empty()) return std::nullopt;
  return options;
}

}  // namespace gl::rpc_client
