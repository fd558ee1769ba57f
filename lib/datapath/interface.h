// What the stages know of the port that a frame came through.
// Byte order: addresses as on the wire. Ownership: filled by the main core before the workers start. Thread: read-only
// then.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

#include "lib/base/endian.h"
#include "lib/datapath/neighbours.h"
#include "lib/datapath/reply_owners.h"
#include "lib/wire/address.h"
#include "lib/wire/vlan_set.h"

namespace gl::datapath {

inline constexpr std::size_t kMaxAddresses = 16;  // of each family on one port

struct Interface {
  std::uint16_t index = 0;  // among the ports
  wire::MacAddress mac;
  std::uint16_t mtu = 1500;  // bytes of IP packet
  // The port fills these in; otherwise the stages do.
  bool tx_ipv4_checksum = false;
  bool tx_udp_checksum = false;
  bool tx_tcp_checksum = false;
  std::uint8_t v4_count = 0;
  std::uint8_t v6_count = 0;
  std::uint8_t network_count = 0;
  std::array<wire::Ipv4Address, kMaxAddresses> v4{};
  std::array<wire::Ipv6Address, kMaxAddresses> v6{};
  std::array<wire::Ipv4Address, 2 * kMaxAddresses> v4_networks{};

  // Whose frames are taken; null: those of every VLAN, and untagged ones.
  const wire::VlanSet* vlans = nullptr;

  // The kernel has a port beside this one: what is no service's goes there.
  bool kernel = false;

  // Where questions are forwarded, otherwise null. Shared by all cores; the stages write what they learn.
  NeighbourTable* neighbours = nullptr;
  // Likewise: whose fragments are kept.
  const ReplyOwners* backends = nullptr;

  template <class Address>
  [[nodiscard]] bool keeps_fragments_of(const Address& source) const noexcept {
    return backends != nullptr && backends->is_backend(source.bytes);
  }

  // What a frame from that link says of the neighbour `address`: true where it is a next hop of ours. `l2_length`: of
  // the frame. Behind a VLAN tag is another link than the one we send to.
  template <class Address>
  bool learn(std::size_t l2_length, const Address& address, const NeighbourTable::Word& said) const noexcept {
    return neighbours != nullptr && l2_length == kUntagged && said.mac != mac &&
           neighbours->learn(index, address, said);
  }
  static constexpr std::size_t kUntagged = 14;  // bytes of an Ethernet header

  // False where there is no room.
  [[nodiscard]] bool add(const wire::Ipv4Address& address) noexcept {
    if (v4_count == kMaxAddresses) return false;
    v4[v4_count++] = address;
    return true;
  }
  [[nodiscard]] bool add(const wire::Ipv6Address& address) noexcept {
    if (v6_count == kMaxAddresses) return false;
    v6[v6_count++] = address;
    return true;
  }
  // The network around an address of ours, of so many bits: its first and its last address are no host's. In one of 31
  // or 32 bits all are (RFC 3021).
  void add_network(const wire::Ipv4Address& address, unsigned prefix_length) noexcept {
    if (prefix_length == 0 || prefix_length > 30 || network_count + 2u > v4_networks.size()) return;
    const std::uint32_t mask = ~std::uint32_t{0} << (32 - prefix_length);
    const auto network = load_be<std::uint32_t>(address.bytes.data()) & mask;
    store_be(v4_networks[network_count++].bytes.data(), network);
    store_be(v4_networks[network_count++].bytes.data(), network | ~mask);
  }
  [[nodiscard]] bool names_network(const wire::Ipv4Address& address) const noexcept {
    return among(v4_networks, network_count, address);
  }
  [[nodiscard]] bool has(const wire::Ipv4Address& address) const noexcept { return among(v4, v4_count, address); }
  [[nodiscard]] bool has(const wire::Ipv6Address& address) const noexcept { return among(v6, v6_count, address); }
  // All nodes, or the solicited-node group of an address of ours.
  [[nodiscard]] bool in_group(const wire::Ipv6Address& group) const noexcept {
    if (group == wire::kAllNodes) return v6_count != 0;
    return std::any_of(v6.begin(), v6.begin() + v6_count, [&](const auto& a) { return a.solicited_node() == group; });
  }

 private:
  // Most ports have one address: std::find, which looks at four at a time, takes three times as long to say so.
  template <class Address, std::size_t n>
  [[nodiscard]] static bool among(const std::array<Address, n>& known, std::size_t count,
                                  const Address& address) noexcept {
    for (std::size_t i = 0; i < count; ++i) {
      if (known[i] == address) return true;
    }
    return false;
  }
};

}  // namespace gl::datapath
