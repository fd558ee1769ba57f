#include "lib/control/parse_value.h"

#include <arpa/inet.h>

#include <charconv>

#include "lib/datapath/ipv6.h"

namespace gl::control {

namespace {

// An address that one host can own.
bool ownable(const wire::Ipv4Address& a) {
  return a.bytes[0] != 0 && a.bytes[0] != 127 && !a.is_multicast() && !a.is_broadcast();
}
bool ownable(const wire::Ipv6Address& a) {
  return !a.is_unspecified() && !a.is_multicast() && a != datapath::kIpv6Loopback;
}

}  // namespace

Result<std::uint32_t> parse_number(const std::string& text, std::uint32_t low, std::uint32_t high) {
  std::uint32_t value = 0;
  const char* const end = text.data() + text.size();
  const auto [at, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc{} || at != end || value < low || value > high) {
    return Error{"'" + text + "' is not a number from " + std::to_string(low) + " to " + std::to_string(high)};
  }
  return value;
}

Result<AddressSetting> parse_address(const std::string& text) {
  AddressSetting found;
  const std::size_t at = text.find('@');
  const std::string address = text.substr(0, at);
  if (at != std::string::npos) {
    const auto port = parse_number(text.substr(at + 1), 0, 31);
    if (!port) return Error{"DPDK port after @ in '" + text + "': " + port.error()};
    found.port = static_cast<std::uint16_t>(*port);
  }
  wire::Ipv4Address v4;
  wire::Ipv6Address v6;
  if (inet_pton(AF_INET, address.c_str(), v4.bytes.data()) == 1 && ownable(v4)) {
    found.address = v4;
    return found;
  }
  if (inet_pton(AF_INET6, address.c_str(), v6.bytes.data()) == 1 && ownable(v6)) {
    found.address = v6;
    return found;
  }
  return Error{"'" + address +
               "' is not a unicast IPv4 or IPv6 address (ADDRESS or ADDRESS@PORT, without a prefix length)"};
}

Result<zone::ZoneSource> parse_zone(const std::string& text) {
  zone::ZoneSource source;
  const std::size_t at = text.find('=');
  if (at != std::string::npos) source.origin = text.substr(0, at);
  source.path = at == std::string::npos ? text : text.substr(at + 1);
  if (source.path.empty() || at == 0) return Error{"'" + text + "' is not FILE or ORIGIN=FILE"};
  return source;
}

}  // namespace gl::control
