// From which ports nobody is answered: two servers that take each other's answers for requests would go on for ever.
// Byte order: host. Thread: pure functions.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>

#include "lib/service/registry.h"

namespace gl {

// Services that answer whatever comes, or swallow it: echo, discard, daytime, quotd, chargen, time (RFC 862 to 868). No
// client asks from these, whatever the protocol.
[[nodiscard]] constexpr bool is_small_service(std::uint16_t port) noexcept {
  constexpr std::uint64_t kPorts = 1ull << 7 | 1ull << 9 | 1ull << 13 | 1ull << 17 | 1ull << 19 | 1ull << 37;
  return port < 64 && (kPorts >> port & 1u) != 0;
}

// Others that answer errors to what they do not understand, or start exchanges of their own: domain, tftp, sunrpc, ntp,
// netbios-ns, snmp, ldap, rip, ssdp, mdns, memcached.
inline constexpr std::array<std::uint16_t, 11> kServerPorts = {53, 69, 111, 123, 137, 161, 389, 520, 1900, 5353, 11211};

// For protocols whose clients ask from ports that their systems give them: whether an answer to this datagram may draw
// another one, and so on.
[[nodiscard]] inline bool may_loop(const Registry& registry, const Datagram& datagram) noexcept {
  return registry.is_asked_on(datagram.peer_port) || is_small_service(datagram.peer_port) ||
         std::ranges::binary_search(kServerPorts, datagram.peer_port);
}

}  // namespace gl
