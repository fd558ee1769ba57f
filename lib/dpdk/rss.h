// How a port spreads UDP datagrams over its queues, where it says so: the Toeplitz hash of both addresses and ports
// under the port's key, and the table that its low bits index.
// Byte order: addresses as on the wire, ports host. Ownership: a copy of the port's key and table. Thread: main core,
// after the port was configured. Errors: nothing where the port does not say, or hashes by less than addresses and
// ports. Source: Microsoft, "RSS Hashing Types" and "Verifying the RSS Hash Calculation".
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "lib/wire/address.h"

namespace gl::dpdk {

struct UdpFlow {
  wire::IpAddress source;
  wire::IpAddress destination;  // of the same family
  std::uint16_t source_port = 0;
  std::uint16_t destination_port = 0;
};

struct Rss {
  static constexpr std::size_t kLeastKey = 40;  // bytes: as many as a hash over IPv6 and ports takes

  std::vector<std::uint8_t> key;
  std::vector<std::uint16_t> table;  // queues
  bool udp_v4 = false;               // whether UDP ports are hashed
  bool udp_v6 = false;

  [[nodiscard]] bool knows(const wire::IpAddress& family) const noexcept {
    return wire::is_v6(family) ? udp_v6 : udp_v4;
  }
  [[nodiscard]] std::uint32_t hash(const UdpFlow& flow) const noexcept;
  // Where a datagram of that flow arrives.
  [[nodiscard]] std::uint16_t queue(const UdpFlow& flow) const noexcept { return table[hash(flow) % table.size()]; }
};

[[nodiscard]] std::optional<Rss> read_rss(std::uint16_t port);

}  // namespace gl::dpdk
