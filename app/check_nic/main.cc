// goldilocks-check-nic: what a port and its driver do of what Goldilocks wants of them, tried over a cable.
// scripts/check-nic starts it with the right EAL flags. Exit codes: 0 nothing failed, 1 something did or the ports do
// not start, 2 wrong usage.
#include <getopt.h>
#include <rte_ethdev.h>

#include <algorithm>
#include <cstdio>
#include <iterator>
#include <optional>
#include <string>
#include <vector>

#include "app/check_nic/cable.h"
#include "app/check_nic/checks.h"
#include "lib/control/options/parse_value.h"
#include "lib/control/start/port_text.h"
#include "lib/dpdk/eal.h"

namespace {

using namespace gl;
using check_nic::Verdict;

constexpr const char* kUsage =
    "usage: goldilocks-check-nic <EAL FLAGS> -- [--queues N] [--mtu BYTES] [--seconds N] [--link-wait SECONDS]\n"
    "Sends itself frames from the first port to the second, or from one port to itself by a loop, and says what "
    "works.\n"
    "  --queues N            of each port: workers that are to poll it (2 where both have them)\n"
    "  --mtu BYTES           of the ports (as they have it)\n"
    "  --seconds N           of each rate (2)\n"
    "  --link-wait SECONDS   for the links (10)\n"
    "  --help                print this\n";

struct Options {
  std::optional<std::uint16_t> queues;
  std::uint16_t mtu = 0;
  unsigned seconds = 2;
  unsigned link_wait = 10;
};

Status take(Options& options, char flag, const std::string& name, const char* text) {
  const auto number = control::parse_number(text, 1, 9216);
  if (!number) return Error{"--" + name + ": " + number.error()};
  switch (flag) {
    case 'q':
      options.queues = static_cast<std::uint16_t>(*number);
      break;
    case 'm':
      options.mtu = static_cast<std::uint16_t>(*number);
      break;
    case 's':
      options.seconds = *number;
      break;
    default:
      options.link_wait = *number;
  }
  return success();
}

// An error without text: getopt has said it.
Result<Options> parse(std::vector<std::string> words) {
  constexpr option kFlags[] = {{"queues", required_argument, nullptr, 'q'},
                               {"mtu", required_argument, nullptr, 'm'},
                               {"seconds", required_argument, nullptr, 's'},
                               {"link-wait", required_argument, nullptr, 'w'},
                               {nullptr, 0, nullptr, 0}};
  std::vector<char*> pointers;
  pointers.reserve(words.size() + 1);
  for (std::string& word : words) pointers.push_back(word.data());
  pointers.push_back(nullptr);
  Options options;
  optind = 1;
  const auto count = static_cast<int>(words.size());
  int index = 0;
  for (int flag; (flag = getopt_long(count, pointers.data(), "", kFlags, &index)) != -1;) {
    if (flag == '?') return Error{""};
    if (Status status = take(options, static_cast<char>(flag), kFlags[index].name, optarg); !status)
      return Error{status.error()};
  }
  if (optind != count) return Error{std::string("'") + pointers[static_cast<std::size_t>(optind)] + "' is no flag"};
  return options;
}

int fail(const std::string& why, int code) {
  std::fprintf(stderr, "goldilocks-check-nic: %s\n", why.c_str());
  return code;
}

std::uint16_t queues_of(std::uint16_t port) {
  rte_eth_dev_info info{};
  if (rte_eth_dev_info_get(port, &info) != 0) return 1;
  return std::min({std::uint16_t{2}, info.max_rx_queues, info.max_tx_queues});
}

int check(const Options& options) {
  const auto ids = dpdk::Port::list();
  if (!ids) return fail(ids.error(), 1);
  if (ids->size() > 2) return fail("more than two ports: allow fewer with -a", 2);
  constexpr wire::MacAddress kGroup{{0x33, 0x33, 0xff, 0x00, 0x00, 0x53}};
  const std::uint16_t to = ids->back();
  auto cable = check_nic::Cable::open({ids->front(),
                                       to,
                                       options.queues.value_or(std::min(queues_of(ids->front()), queues_of(to))),
                                       options.mtu,
                                       {kGroup}});
  if (!cable) return fail(cable.error(), 1);
  std::printf("from   %s\nto     %s\n", control::describe_port((*cable)->from()).c_str(),
              control::describe_port((*cable)->to()).c_str());
  bool failed = false;
  const auto print = [&](Verdict verdict, const std::string& what, const std::string& found) {
    const char* const words[] = {"ok", "no", "FAIL"};
    failed = failed || verdict == Verdict::fail;
    std::printf("%-4s   %-26s %s\n", words[static_cast<unsigned>(verdict)], what.c_str(), found.c_str());
    std::fflush(stdout);
  };
  const bool up = (*cable)->wait_for_link(options.link_wait);
  print(up ? Verdict::ok : Verdict::fail, "link", up ? "up" : "not up: is there a cable between the ports?");
  if (!up) return 1;
  if (!check_nic::check_cable(**cable, print)) return 1;
  check_frames(**cable, print);
  check_sent_checksums(**cable, print);
  check_received_checksums(**cable, print);
  check_filters(**cable, kGroup, print);
  check_spread(**cable, print);
  check_rates(**cable, options.seconds, print);
  return failed ? 1 : 0;
}

}  // namespace

int main(int argc, char** argv) {
  std::vector<std::string> words(argv, argv + argc);
  const auto end = std::find(words.begin(), words.end(), "--");
  std::vector<std::string> own = {words.front()};
  if (end != words.end()) own.insert(own.end(), std::next(end), words.end());
  const bool asks = std::find(words.begin(), words.end(), "--help") != words.end();
  if (asks) return std::fputs(kUsage, stdout), 0;
  if (end == words.end()) return std::fputs(kUsage, stderr), 2;
  const auto options = parse(own);
  if (!options) {
    if (!options.error().empty()) (void)fail(options.error(), 2);
    return std::fputs(kUsage, stderr), 2;
  }
  words.erase(end, words.end());
  const auto eal = dpdk::Eal::init(words);
  if (!eal) return fail(eal.error(), dpdk::Eal::arguments_refused() ? 2 : 1);
  return check(*options);
}
