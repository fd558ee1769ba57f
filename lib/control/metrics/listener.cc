#include "lib/control/metrics/listener.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string>

#include "lib/control/options/parse_value.h"

namespace gl::control {

namespace {

socklen_t fill(sockaddr_storage& into, const Endpoint& endpoint) {
  const auto bytes = wire::bytes_of(endpoint.address);
  if (wire::is_v6(endpoint.address)) {
    sockaddr_in6 v6{};
    v6.sin6_family = AF_INET6;
    v6.sin6_port = htons(endpoint.port);
    std::memcpy(&v6.sin6_addr, bytes.data(), bytes.size());
    std::memcpy(&into, &v6, sizeof v6);
    return sizeof v6;
  }
  sockaddr_in v4{};
  v4.sin_family = AF_INET;
  v4.sin_port = htons(endpoint.port);
  std::memcpy(&v4.sin_addr, bytes.data(), bytes.size());
  std::memcpy(&into, &v4, sizeof v4);
  return sizeof v4;
}

bool set(int descriptor, int level, int option) {
  const int on = 1;
  return setsockopt(descriptor, level, option, &on, sizeof on) == 0;
}

// False: the reason is in errno. [::] is IPv6 alone.
bool listen_on(int descriptor, const Endpoint& endpoint) {
  constexpr int kBacklog = 16;
  sockaddr_storage address{};
  const socklen_t length = fill(address, endpoint);
  if (!set(descriptor, SOL_SOCKET, SO_REUSEADDR)) return false;
  if (wire::is_v6(endpoint.address) && !set(descriptor, IPPROTO_IPV6, IPV6_V6ONLY)) return false;
  return bind(descriptor, reinterpret_cast<const sockaddr*>(&address), length) == 0 &&  // NOLINT: the socket API's way
         listen(descriptor, kBacklog) == 0;
}

}  // namespace

Result<Listener> Listener::open(const Endpoint& endpoint) {
  const int family = wire::is_v6(endpoint.address) ? AF_INET6 : AF_INET;
  Listener listener(socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (listener.descriptor_ >= 0 && listen_on(listener.descriptor_, endpoint))
    return Result<Listener>(std::move(listener));
  return Error{"--metrics: cannot listen on " + endpoint_to_text(endpoint) + ": " + std::strerror(errno)};
}

Listener::~Listener() {
  if (descriptor_ >= 0) close(descriptor_);
}

}  // namespace gl::control
