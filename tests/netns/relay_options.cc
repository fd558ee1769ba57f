#include "tests/netns/relay_options.h"

#include <getopt.h>

#include <charconv>
#include <cstdio>
#include <functional>
#include <optional>
#include <string_view>

namespace gl::relay {
namespace {

constexpr char kHelp[] =
    R"(usage: relay [OPTION]... LEFT RIGHT

Forwards Ethernet frames of up to 9,000 bytes between two interfaces of this network namespace, both ways, as a long or
bad path would. What `tc netem` does, where the kernel has none.

A value is one number for both directions, or two: from LEFT to RIGHT, and back, as in --delay 15,35.
  --delay MS          how long each frame takes (0)
  --jitter MS         up to this much longer, uniformly (0); frames keep their order unless --reorder
  --reorder[=PERCENT] this share of the frames (100) does not wait for those before it
  --rate KBIT         kbit a second; frames wait for their turn (0: no limit)
  --queue KIB         so much may wait for the rate, what comes then is dropped (256)
  --loss PERCENT      dropped at random (0)
  --duplicate PERCENT sent twice (0)
  --seed N            the fate of the nth frame of a direction depends on this and n alone (1)
  --help              this text

ARP and IPv6 neighbour discovery are delayed, but never lost, doubled or overtaken. Checksums must be filled in and segments
cut by whoever sends (ethtool -K ... tx off tso off gso off gro off). 802.1Q tags are lost.
When it forwards it prints `ready`; on SIGTERM and SIGINT, for each direction, what it has done, and ends with status 0.
)";

enum Flag : int { kDelay = 256, kJitter, kReorder, kRate, kQueue, kLoss, kDuplicate, kSeed, kHelpFlag };

constexpr option kFlags[] = {
    {"delay", required_argument, nullptr, kDelay},
    {"jitter", required_argument, nullptr, kJitter},
    {"reorder", optional_argument, nullptr, kReorder},
    {"rate", required_argument, nullptr, kRate},
    {"queue", required_argument, nullptr, kQueue},
    {"loss", required_argument, nullptr, kLoss},
    {"duplicate", required_argument, nullptr, kDuplicate},
    {"seed", required_argument, nullptr, kSeed},
    {"help", no_argument, nullptr, kHelpFlag},
    {nullptr, 0, nullptr, 0},
};

constexpr double kNsPerMs = 1e6;
constexpr double kBytesPerKbit = 1000.0 / 8;

template <typename T>
std::optional<T> number(std::string_view text) {
  T value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

// One number for both ways, or two; each from 0 to `most`, and times `unit` into the member.
template <typename T>
bool both_ways(Options& options, T Way::*member, std::string_view text, double most, double unit) {
  const auto comma = text.find(',');
  const auto there = number<double>(text.substr(0, comma));
  const auto back = comma == text.npos ? there : number<double>(text.substr(comma + 1));
  if (!there || !back || !(*there >= 0 && *there <= most) || !(*back >= 0 && *back <= most)) return false;
  options.ways[0].*member = static_cast<T>(*there * unit);
  options.ways[1].*member = static_cast<T>(*back * unit);
  return true;
}

bool seed(Options& options, std::string_view text) {
  const auto value = number<std::uint64_t>(text);
  options.seed = value.value_or(0);
  return value.has_value();
}

bool take(Options& options, int flag, const char* value) {
  constexpr double kMostMs = 60'000;
  switch (flag) {
    case kDelay:
      return both_ways(options, &Way::delay_ns, value, kMostMs, kNsPerMs);
    case kJitter:
      return both_ways(options, &Way::jitter_ns, value, kMostMs, kNsPerMs);
    case kReorder:
      return both_ways(options, &Way::reorder, value ? value : "100", 100, 0.01);
    case kRate:
      return both_ways(options, &Way::rate, value, 1e8, kBytesPerKbit);
    case kQueue:
      return both_ways(options, &Way::queue_bytes, value, 65'536, 1024);
    case kLoss:
      return both_ways(options, &Way::loss, value, 100, 0.01);
    case kDuplicate:
      return both_ways(options, &Way::duplicate, value, 100, 0.01);
    default:
      return seed(options, value);
  }
}

const char* name_of(int flag) {
  for (const auto& known : kFlags) {
    if (known.val == flag) return known.name;
  }
  return "";
}

}  // namespace

std::variant<Options, int> parse_options(int argc, char** argv) {
  Options options;
  for (int flag; (flag = getopt_long(argc, argv, "", kFlags, nullptr)) != -1;) {
    if (flag == kHelpFlag) return std::fputs(kHelp, stdout), 0;
    if (flag == '?') return std::fputs("relay: --help says what there is\n", stderr), 2;
    if (!take(options, flag, optarg)) {
      return std::fprintf(stderr, "relay: --%s does not take `%s`; --help says what it takes\n", name_of(flag), optarg),
             2;
    }
  }
  if (argc - optind != 2) return std::fputs("relay: names two interfaces; --help says more\n", stderr), 2;
  options.interfaces = {argv[optind], argv[optind + 1]};
  return options;
}

}  // namespace gl::relay
