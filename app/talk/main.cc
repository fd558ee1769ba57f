// The client of simplex-talk: reads lines, and sends each as a datagram. It hears nothing back, but for what the
// kernel is told: that nobody listens there.
//   goldilocks-talk [-4|-6] [-s NAMESERVER] HOST [PORT]
#include <getopt.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <iostream>
#include <string>

#include "app/lookup/lookup.h"
#include "lib/base/text.h"

namespace {

constexpr std::uint16_t kPort = 5432;
constexpr const char* kUsage =
    "usage: goldilocks-talk [-4|-6] [-s NAMESERVER] HOST [PORT]\n"
    "Sends each line of the standard input to HOST as a UDP datagram (port 5432). Nothing comes back.\n"
    "  -4, -6         only IPv4, only IPv6; otherwise IPv6 first\n"
    "  -s NAMESERVER  the address of the name server that is asked, instead of those in /etc/resolv.conf\n"
    "Exit status: 0 the input has ended, 1 a line could not be sent, 2 usage.\n";

struct Options {
  std::string host;
  std::uint16_t port = kPort;
  gl::LookupSettings lookup;
  bool help = false;
};

bool parse(int argc, char** argv, Options& options) {
  for (int c; (c = getopt(argc, argv, "46hs:")) != -1;) {
    if (gl::take_option(c, optarg, options.lookup)) continue;
    if (c == 'h') {
      options.help = true;
    } else {
      return false;
    }
  }
  if (options.help) return true;
  if (argc - optind < 1 || argc - optind > 2 || (!options.lookup.v4 && !options.lookup.v6)) return false;
  options.host = argv[optind];
  if (argc - optind == 2) {
    const auto port = gl::parse_decimal(argv[optind + 1], 1, 65535);
    if (!port) return false;
    options.port = static_cast<std::uint16_t>(*port);
  }
  return true;
}

int fail(const std::string& what) {
  std::cerr << "goldilocks-talk: " << what << '\n';
  return 1;
}

int talk(int s, const std::string& where) {
  bool refused = false;
  for (std::string line; std::getline(std::cin, line);) {
    if (!std::cin.eof()) line += '\n';
    // What comes back is the answer to a line before; the line is sent with the next call.
    ssize_t sent = send(s, line.data(), line.size(), 0);
    if (sent < 0 && errno == ECONNREFUSED) {
      if (!refused) (void)fail("nobody listens at " + where);
      refused = true;
      sent = send(s, line.data(), line.size(), 0);
    }
    if (sent < 0 && errno != ECONNREFUSED) return fail(std::string("cannot send: ") + std::strerror(errno));
  }
  return refused ? 1 : 0;
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
  const auto server = gl::connect_to(options.host, options.port, options.lookup);
  if (!server) return fail(server.error());
  const int status = talk(server->socket, server->where);
  close(server->socket);
  return status;
}
