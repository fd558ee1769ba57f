// A host's addresses, by DNS, for the clients of our services. Ownership: values. Thread: one. Errors: one line.
#pragma once

#include <sys/socket.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "lib/base/result.h"

namespace gl {

struct Endpoint {
  sockaddr_storage address{};
  socklen_t length = 0;
  std::string text;  // the address as it is written
};

struct LookupSettings {
  bool v4 = true;
  bool v6 = true;
  std::string server;  // a name server's address; empty: those of /etc/resolv.conf
};

// What both clients have in front of the host: `-4`, `-6`, `-s NAMESERVER`. False: the option is none of these.
[[nodiscard]] bool take_option(int option, const char* argument, LookupSettings& settings);

// An address as it is written; nothing where it is none.
[[nodiscard]] std::optional<Endpoint> parse_endpoint(const std::string& address, std::uint16_t port);

// `host`: an address, `localhost` (RFC 6761 section 6.3: never asked for), or a name. IPv6 first.
[[nodiscard]] Result<std::vector<Endpoint>> look_up(const std::string& host, std::uint16_t port,
                                                    const LookupSettings& settings);

// A UDP socket to the first address of the host that there is a way to. It is connected, so that the kernel says when
// nobody listens. The caller closes it.
struct Connected {
  int socket = -1;
  std::string where;
};
[[nodiscard]] Result<Connected> connect_to(const std::string& host, std::uint16_t port, const LookupSettings& settings);

}  // namespace gl
