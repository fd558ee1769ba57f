// The client of the sum service: sends a list of integers, and waits for their sum.
//   goldilocks-sum [-4|-6] [-s NAMESERVER] [-p PORT] [-n] HOST [INTEGER...]
#include <arpa/inet.h>
#include <getopt.h>
#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <iostream>
#include <string>
#include <string_view>
#include <vector>

#include "app/lookup/lookup.h"
#include "lib/base/endian.h"
#include "lib/base/text.h"

namespace {

constexpr std::uint16_t kPort = 5434;
constexpr std::size_t kMostIntegers = 362;  // in 1,452 bytes, which are never sent in fragments over Ethernet
constexpr int kTries = 3;
constexpr int kWaitMs = 1000;
constexpr const char* kUsage =
    "usage: goldilocks-sum [-4|-6] [-s NAMESERVER] [-p PORT] [-n] HOST [INTEGER...]\n"
    "Sends the integers (or those in the standard input) to HOST over UDP, and prints the sum that comes back.\n"
    "  -4, -6         only IPv4, only IPv6; otherwise IPv6 first\n"
    "  -s NAMESERVER  the address of the name server that is asked, instead of those in /etc/resolv.conf\n"
    "  -p PORT        5434\n"
    "  -n             waits for no answer: the server is silent unless it has reply=on\n"
    "Integers have 32 bits; the sum is taken modulo 2^32. At most 362 of them.\n"
    "Exit status: 0 the sum came, or was not awaited; 1 it did not; 2 usage.\n";

struct Options {
  std::string host;
  std::uint16_t port = kPort;
  gl::LookupSettings lookup;
  bool waits = true;
  bool help = false;
  std::vector<std::int32_t> integers;
};

int fail(const std::string& what) {
  std::cerr << "goldilocks-sum: " << what << '\n';
  return 1;
}

bool take(std::string_view word, std::vector<std::int32_t>& integers) {
  std::int32_t value = 0;
  const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), value);
  if (error != std::errc{} || end != word.data() + word.size()) {
    (void)fail("'" + std::string(word) + "' is no integer of 32 bits");
    return false;
  }
  integers.push_back(value);
  return true;
}

bool parse(int argc, char** argv, Options& options) {
  // Negative integers are no options: what follows HOST is not looked at by getopt.
  for (int c; (c = getopt(argc, argv, "+46hns:p:")) != -1;) {
    if (gl::take_option(c, optarg, options.lookup)) continue;
    if (c == 'n') {
      options.waits = false;
    } else if (c == 'h') {
      options.help = true;
    } else if (c == 'p') {
      const auto port = gl::parse_decimal(optarg, 1, 65535);
      if (!port) return false;
      options.port = static_cast<std::uint16_t>(*port);
    } else {
      return false;
    }
  }
  if (options.help) return true;
  if (optind == argc || (!options.lookup.v4 && !options.lookup.v6)) return false;
  options.host = argv[optind++];
  for (; optind < argc; ++optind) {
    if (!take(argv[optind], options.integers)) return false;
  }
  return true;
}

std::vector<std::uint8_t> message_of(const std::vector<std::int32_t>& integers) {
  std::vector<std::uint8_t> message(2 + 4 * integers.size());
  gl::store_be(message.data(), static_cast<std::uint16_t>(integers.size()));
  for (std::size_t i = 0; i < integers.size(); ++i) {
    gl::store_be(message.data() + 2 + 4 * i, static_cast<std::uint32_t>(integers[i]));
  }
  return message;
}

int ask(int s, const std::vector<std::uint8_t>& message, bool waits, const std::string& where) {
  for (int tries = 0; tries < kTries; ++tries) {
    if (send(s, message.data(), message.size(), 0) < 0) return fail(where + ": " + std::strerror(errno));
    if (!waits) return 0;
    pollfd heard{s, POLLIN, 0};
    if (poll(&heard, 1, kWaitMs) <= 0) continue;
    std::uint8_t answer[5];
    const ssize_t length = recv(s, answer, sizeof answer, 0);
    if (length < 0) return fail(where + ": " + std::strerror(errno));
    if (length != 4) continue;
    std::cout << static_cast<std::int32_t>(gl::load_be<std::uint32_t>(answer)) << '\n';
    return 0;
  }
  return fail("no answer from " + where + ": the server replies only with reply=on");
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  if (!parse(argc, argv, options)) {
    std::fputs(kUsage, stderr);
    return 2;
  }
  if (options.help) {
    std::fputs(kUsage, stdout);
    return 0;
  }
  if (options.integers.empty()) {
    for (std::string word; std::cin >> word;) {
      if (!take(word, options.integers)) return 2;
    }
  }
  if (options.integers.size() > kMostIntegers) {
    return fail(std::to_string(options.integers.size()) + " integers: " + std::to_string(kMostIntegers) +
                " fit a datagram");
  }
  const auto server = gl::connect_to(options.host, options.port, options.lookup);
  if (!server) return fail(server.error());
  const int status = ask(server->socket, message_of(options.integers), options.waits, server->where);
  close(server->socket);
  return status;
}
