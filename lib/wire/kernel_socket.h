// The ends of the kernel's own sockets (those of the control side; frames do not come this way): addresses and ports as
// the socket calls take them, and sockets that are bound to one of them.
// Byte order: addresses as on the wire, ports host. Ownership: plain values; the caller's descriptor. Thread: any but a
// worker's. Errors: one line that names address and port. Source: RFC 3493.
#pragma once

#include <netinet/in.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstdint>
#include <cstring>
#include <string>

#include "lib/base/descriptor.h"
#include "lib/base/result.h"
#include "lib/base/text.h"
#include "lib/wire/address.h"

namespace gl::wire {

struct Endpoint {
  IpAddress address;
  std::uint16_t port = 0;
  friend bool operator==(const Endpoint&, const Endpoint&) = default;
};

// ADDRESS:PORT, or [ADDRESS]:PORT.
[[nodiscard]] inline std::string to_text(const Endpoint& endpoint) {
  const Bytes bytes = bytes_of(endpoint.address);
  const std::string text = address_text(bytes.data(), bytes.size());
  return (is_v6(endpoint.address) ? "[" + text + "]" : text) + ":" + std::to_string(endpoint.port);
}

struct SocketAddress {
  sockaddr_storage storage{};
  socklen_t length = sizeof(sockaddr_storage);

  SocketAddress() = default;
  explicit SocketAddress(const Endpoint& endpoint) noexcept {
    const Bytes bytes = bytes_of(endpoint.address);
    if (is_v6(endpoint.address)) {
      sockaddr_in6 v6{};
      v6.sin6_family = AF_INET6;
      v6.sin6_port = htons(endpoint.port);
      std::memcpy(&v6.sin6_addr, bytes.data(), bytes.size());
      std::memcpy(&storage, &v6, length = sizeof v6);
    } else {
      sockaddr_in v4{};
      v4.sin_family = AF_INET;
      v4.sin_port = htons(endpoint.port);
      std::memcpy(&v4.sin_addr, bytes.data(), bytes.size());
      std::memcpy(&storage, &v4, length = sizeof v4);
    }
  }
  [[nodiscard]] Endpoint endpoint() const noexcept {
    if (storage.ss_family == AF_INET6) {
      sockaddr_in6 v6{};
      std::memcpy(&v6, &storage, sizeof v6);
      Ipv6Address address;
      std::memcpy(address.bytes.data(), &v6.sin6_addr, address.bytes.size());
      return {address, ntohs(v6.sin6_port)};
    }
    sockaddr_in v4{};
    std::memcpy(&v4, &storage, sizeof v4);
    Ipv4Address address;
    std::memcpy(address.bytes.data(), &v4.sin_addr, address.bytes.size());
    return {address, ntohs(v4.sin_port)};
  }
  [[nodiscard]] int family() const noexcept { return storage.ss_family; }
  [[nodiscard]] const sockaddr* get() const noexcept { return reinterpret_cast<const sockaddr*>(&storage); }  // NOLINT
  [[nodiscard]] sockaddr* get() noexcept { return reinterpret_cast<sockaddr*>(&storage); }                    // NOLINT
};

// Bound, and listening where `type` is a stream's. [::] is IPv6 alone.
[[nodiscard]] inline Status open_listener(Descriptor& socket, const Endpoint& endpoint, int type) {
  constexpr int kBacklog = 64;
  const int on = 1;
  const SocketAddress address(endpoint);
  socket.reset(::socket(address.family(), type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  const int s = socket.get();
  const bool good = s >= 0 && setsockopt(s, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0 &&
                    (!is_v6(endpoint.address) || setsockopt(s, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on) == 0) &&
                    bind(s, address.get(), address.length) == 0 && (type != SOCK_STREAM || listen(s, kBacklog) == 0);
  if (good) return success();
  return Error{"cannot listen on " + to_text(endpoint) + ": " + std::strerror(errno)};
}

}  // namespace gl::wire
