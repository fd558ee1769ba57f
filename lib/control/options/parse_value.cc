#include "lib/control/options/parse_value.h"

#include <arpa/inet.h>

#include <array>

#include "lib/base/text.h"
#include "lib/datapath/ipv6.h"
#include "lib/wire/vlan_set.h"

namespace gl::control {

namespace {

constexpr std::uint32_t kMostDpdkPort = 31;

bool ownable(const wire::Ipv4Address& a) {
  return a.bytes[0] != 0 && a.bytes[0] != 127 && !a.is_multicast() && !a.is_broadcast();
}
bool ownable(const wire::Ipv6Address& a) {
  return !a.is_unspecified() && !a.is_multicast() && a != datapath::kIpv6Loopback;
}

struct Parts {
  bool length = false;  // may /LEN follow the address
  bool port = false;    // may @PORT
  const char* shape;
};

Result<std::uint8_t> parse_length(const std::string& text, const wire::IpAddress& address, const std::string& whole) {
  const std::uint32_t longest = wire::is_v6(address) ? 128 : 32;
  const auto length = parse_number(text, 1, longest);
  if (!length) return Error{"prefix length after / in '" + whole + "': " + length.error()};
  return static_cast<std::uint8_t>(*length);
}

Result<AddressSetting> parse_parts(const std::string& text, const Parts& parts) {
  AddressSetting found;
  const std::size_t at = parts.port ? text.find('@') : std::string::npos;
  if (at != std::string::npos) {
    const auto port = parse_dpdk_port(text.substr(at + 1), text);
    if (!port) return Error{port.error()};
    found.port = *port;
  }
  const std::string network = text.substr(0, at);
  const std::size_t slash = parts.length ? network.find('/') : std::string::npos;
  const auto address = ip_from_text(network.substr(0, slash));
  if (!address || !is_ownable(*address)) {
    return Error{"'" + network + "' is not a unicast IPv4 or IPv6 address (" + parts.shape + ")"};
  }
  found.address = *address;
  if (slash == std::string::npos) return found;
  const auto length = parse_length(network.substr(slash + 1), *address, text);
  if (!length) return Error{length.error()};
  found.prefix_length = *length;
  return found;
}

}  // namespace

Result<zone::ZoneSource> parse_zone(const std::string& text) {
  zone::ZoneSource source;
  const std::size_t at = text.find('=');
  if (at != std::string::npos) source.origin = text.substr(0, at);
  source.path = at == std::string::npos ? text : text.substr(at + 1);
  if (source.path.empty() || at == 0) return Error{"'" + text + "' is not FILE or ORIGIN=FILE"};
  return source;
}

std::optional<wire::IpAddress> ip_from_text(const std::string& text) {
  wire::Ipv4Address v4;
  wire::Ipv6Address v6;
  if (inet_pton(AF_INET, text.c_str(), v4.bytes.data()) == 1) return v4;
  if (inet_pton(AF_INET6, text.c_str(), v6.bytes.data()) == 1) return v6;
  return std::nullopt;
}

std::string ip_to_text(const wire::IpAddress& address) {
  const Bytes bytes = wire::bytes_of(address);
  return address_text(bytes.data(), bytes.size());
}

std::string mac_to_text(const wire::MacAddress& mac) {
  std::array<char, 18> text{};
  const auto& b = mac.bytes;
  std::snprintf(text.data(), text.size(), "%02x:%02x:%02x:%02x:%02x:%02x", b[0], b[1], b[2], b[3], b[4], b[5]);
  return text.data();
}

bool is_ownable(const wire::IpAddress& address) {
  return std::visit([](const auto& a) { return ownable(a); }, address);
}

Result<Endpoint> parse_endpoint(const std::string& text) {
  const Error wrong{"'" + text + "' is not ADDRESS or ADDRESS:PORT (IPv6 with a port: [ADDRESS]:PORT)"};
  std::string address = text;
  std::optional<std::string> port;
  if (text.starts_with('[')) {
    const std::size_t end = text.find(']');
    if (end == std::string::npos) return wrong;
    address = text.substr(1, end - 1);
    if (address.find(':') == std::string::npos) return wrong;
    if (end + 1 != text.size()) {
      if (text[end + 1] != ':') return wrong;
      port = text.substr(end + 2);
    }
  } else if (const std::size_t colon = text.find(':'); colon != std::string::npos && colon == text.rfind(':')) {
    address = text.substr(0, colon);
    port = text.substr(colon + 1);
  }
  const auto ip = ip_from_text(address);
  if (!ip) return wrong;
  Endpoint found{*ip};
  if (!port) return found;
  const auto number = parse_number(*port, 1, 65535);
  if (!number) return Error{"port in '" + text + "': " + number.error()};
  found.port = static_cast<std::uint16_t>(*number);
  return found;
}

Result<Endpoint> parse_listener(const std::string& text) {
  auto endpoint = parse_endpoint(text);
  if (endpoint && endpoint->port == 0) return Error{"'" + text + "' has no port: ADDRESS:PORT or [ADDRESS]:PORT"};
  return endpoint;
}

Result<std::uint16_t> parse_dpdk_port(const std::string& text, const std::string& whole) {
  const auto port = parse_number(text, 0, kMostDpdkPort);
  if (!port) return Error{"DPDK port after @ in '" + whole + "': " + port.error()};
  return static_cast<std::uint16_t>(*port);
}

Result<std::vector<KernelPortSetting>> parse_kernel_ports(const std::string& text) {
  std::vector<KernelPortSetting> found;
  std::string_view rest = text;
  bool more = false;
  do {
    more = rest.find(',') != std::string_view::npos;
    std::string_view pair = take_member(rest, ',');
    const bool told = pair.find('=') != std::string_view::npos;
    const std::string_view beside = told ? take_member(pair, '=') : std::string_view();
    const auto kernel = parse_decimal(pair, 0, kMostDpdkPort);
    const auto service = told ? parse_decimal(beside, 0, kMostDpdkPort) : kernel;
    if (!kernel || !service) return Error{"'" + text + "' is not DPDKPORT, or PORT=DPDKPORT with a comma between two"};
    KernelPortSetting& setting = found.emplace_back();
    setting.kernel = static_cast<std::uint16_t>(*kernel);
    if (told) setting.beside = static_cast<std::uint16_t>(*service);
  } while (more);
  return found;
}

Result<VlanSetting> parse_vlans(const std::string& text) {
  VlanSetting found;
  const std::size_t at = text.find('@');
  if (at != std::string::npos) {
    const auto port = parse_dpdk_port(text.substr(at + 1), text);
    if (!port) return Error{port.error()};
    found.port = *port;
  }
  std::string_view rest = std::string_view(text).substr(0, at);
  bool more = false;
  do {
    more = rest.find(',') != std::string_view::npos;
    const std::string_view word = take_member(rest, ',');
    const auto id = parse_decimal(word, 1, wire::VlanSet::kLast);
    if (!id && word != "untagged") {
      return Error{"'" + text + "' is not a list, with commas, of numbers from 1 to " +
                   std::to_string(wire::VlanSet::kLast) + " and the word untagged, or such a list with @PORT"};
    }
    found.ids.push_back(id ? static_cast<std::uint16_t>(*id) : wire::VlanSet::kUntagged);
  } while (more);
  return found;
}

Result<AddressSetting> parse_address(const std::string& text) {
  return parse_parts(text, {true, true, "ADDRESS, ADDRESS/LEN, or either with @PORT"});
}

Result<AddressSetting> parse_gateway(const std::string& text) {
  return parse_parts(text, {false, true, "ADDRESS or ADDRESS@PORT"});
}

Result<AddressSetting> parse_source(const std::string& text) {
  return parse_parts(text, {false, false, "ADDRESS, nothing else"});
}

}  // namespace gl::control
