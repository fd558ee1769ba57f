// Networks of an operator's list: who may ask, or whom a limit passes over; and the private ones.
// Units: prefix lengths in bits. Byte order: addresses as on the wire. Ownership: values. Thread: made by the main
// core, then only read. Errors: nothing where text is no network. Sources: RFC 1122, 1918, 3927, 4193, 4291.
#pragma once

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lib/base/bytes.h"
#include "lib/base/text.h"

namespace gl {

struct AllowedNetwork {
  std::array<std::uint8_t, 16> address{};
  std::uint8_t address_length = 4;  // bytes
  std::uint8_t prefix_length = 0;

  [[nodiscard]] bool has(Bytes other) const noexcept {
    if (other.size() != address_length) return false;
    const std::size_t whole = prefix_length / 8;
    if (!std::equal(other.begin(), other.begin() + static_cast<std::ptrdiff_t>(whole), address.begin())) return false;
    const unsigned left = prefix_length % 8;
    return left == 0 || ((other[whole] ^ address[whole]) >> (8 - left)) == 0;
  }
};
using AllowedNetworks = std::vector<AllowedNetwork>;

// `192.0.2.0/24`, `2001:db8::/32`, or an address alone.
[[nodiscard]] inline std::optional<AllowedNetwork> parse_network(const std::string& text) {
  const std::size_t slash = std::min(text.find('/'), text.size());
  const std::string address = text.substr(0, slash);
  AllowedNetwork network;
  network.address_length = address.find(':') == std::string::npos ? 4 : 16;
  const int family = network.address_length == 4 ? AF_INET : AF_INET6;
  if (inet_pton(family, address.c_str(), network.address.data()) != 1) return std::nullopt;
  const std::uint32_t most = network.address_length * 8u;
  network.prefix_length = static_cast<std::uint8_t>(most);
  if (slash == text.size()) return network;
  const auto length = parse_decimal(std::string_view(text).substr(slash + 1), 0, most);
  if (!length) return std::nullopt;
  network.prefix_length = static_cast<std::uint8_t>(*length);
  return network;
}

// As parse_network() takes it.
[[nodiscard]] inline std::string text_of(const AllowedNetwork& network) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  inet_ntop(network.address_length == 4 ? AF_INET : AF_INET6, network.address.data(), text.data(), text.size());
  return std::string(text.data()) + "/" + std::to_string(network.prefix_length);
}

[[nodiscard]] inline AllowedNetworks private_networks() {
  AllowedNetworks networks;
  for (const char* const text : {"127.0.0.0/8", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16",
                                 "::1/128", "fe80::/10", "fc00::/7"}) {
    networks.push_back(*parse_network(text));
  }
  return networks;
}

[[nodiscard]] inline bool is_allowed(const AllowedNetworks& networks, Bytes address) noexcept {
  return std::ranges::any_of(networks, [&](const AllowedNetwork& network) { return network.has(address); });
}

}  // namespace gl
