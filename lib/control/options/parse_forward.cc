#include "lib/control/options/parse_forward.h"

#include <optional>

#include "lib/base/value_members.h"
#include "lib/control/options/parse_value.h"
#include "lib/zone/name_text.h"

namespace gl::control {

namespace {

using backend::BackendSettings;

constexpr std::size_t kLongestName = 63;
constexpr std::uint32_t kLeastPayload = 512;
constexpr std::uint32_t kLargestPayload = 65507;  // an IPv4 datagram without its headers

bool is_link_local(const wire::IpAddress& address) {
  const auto* const v6 = std::get_if<wire::Ipv6Address>(&address);
  return v6 != nullptr && v6->bytes[0] == 0xfe && (v6->bytes[1] & 0xc0) == 0x80;
}

// Where `wanted` first stands in a text with RFC 1035 escapes: not right after a backslash.
std::size_t find_unescaped(const std::string& text, char wanted) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\') {
      ++i;
    } else if (text[i] == wanted) {
      return i;
    }
  }
  return std::string::npos;
}

// ADDRESS[:PORT][@DPDKPORT]
Status parse_place(const std::string& text, BackendSettings& into) {
  const std::size_t at = text.find('@');
  const auto endpoint = parse_endpoint(text.substr(0, at));
  if (!endpoint) return Error{endpoint.error()};
  if (!is_ownable(endpoint->address)) {
    return Error{"'" + text + "' is not a unicast IPv4 or IPv6 address: a backend is reached through a DPDK port"};
  }
  into.address = endpoint->address;
  if (endpoint->port != 0) into.port = endpoint->port;
  into.name = wire::to_text({into.address, into.port});
  if (at == std::string::npos) return success();
  const auto port = parse_dpdk_port(text.substr(at + 1), text);
  if (!port) return Error{port.error()};
  into.dpdk_port = *port;
  return success();
}

Status parse_tcp(const std::string& text, BackendSettings& into) {
  if (text == "off") {
    into.tcp = false;
    return success();
  }
  const auto endpoint = parse_endpoint(text);
  if (!endpoint) return Error{"tcp=: " + endpoint.error() + ", or off"};
  if (is_link_local(endpoint->address)) return Error{"tcp=: '" + text + "' is link-local: the kernel lacks the link"};
  into.tcp_address = endpoint->address;
  into.tcp_port = endpoint->port;
  return success();
}

// Such that it can be a parameter of telemetry.
Status parse_name(const std::string& text, BackendSettings& into) {
  constexpr const char* kAllowed = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.:[]";
  if (text.empty() || text.size() > kLongestName || text.find_first_not_of(kAllowed) != std::string::npos ||
      text.find_first_not_of("0123456789") == std::string::npos) {
    return Error{"name=: '" + text + "' is not 1 to " + std::to_string(kLongestName) +
                 " letters, digits and any of -_.:[], not digits alone"};
  }
  into.name = text;
  return success();
}

// One of what follows the address: `key` or `key=value`.
Status parse_option(const std::string& text, BackendSettings& into) {
  const std::size_t at = text.find('=');
  const std::string key = text.substr(0, at);
  if (text == "proxy") {
    into.proxy = true;
    return success();
  }
  if (at != std::string::npos) {
    const std::string value = text.substr(at + 1);
    if (key == "tcp") return parse_tcp(value, into);
    if (key == "name") return parse_name(value, into);
    if (key == "weight") {
      const auto weight = parse_number(value, 1, 1000);
      if (!weight) return Error{"weight=: " + weight.error()};
      into.weight = static_cast<std::uint16_t>(*weight);
      return success();
    }
  }
  return Error{"'" + text + "' is none of weight=N, proxy, tcp=off, tcp=ADDRESS[:PORT], name=TEXT"};
}

}  // namespace

Result<ForwardEntry> parse_forward(const std::string& text) {
  ForwardEntry entry{{0}, {}};
  const std::size_t comma = find_unescaped(text, ',');
  std::string place = text.substr(0, comma);
  if (comma != std::string::npos) {
    if (text.ends_with(',')) return Error{"'" + text + "': nothing stands behind the last comma"};
    if (Status status = check_members(std::string_view(text).substr(comma + 1)); !status) return Error{status.error()};
  }
  if (const std::size_t equals = find_unescaped(place, '='); equals != std::string::npos) {
    auto suffix = zone::name_from_text(place.substr(0, equals));
    if (!suffix) return Error{suffix.error() + " (SUFFIX=ADDRESS)"};
    entry.suffix = std::move(*suffix);
    place = place.substr(equals + 1);
  }
  if (Status status = parse_place(place, entry.backend); !status) return Error{status.error()};
  for (std::size_t at = comma; at != std::string::npos;) {
    const std::size_t next = text.find(',', at + 1);
    const std::string option = text.substr(at + 1, next == std::string::npos ? next : next - at - 1);
    if (Status status = parse_option(option, entry.backend); !status) return Error{status.error()};
    at = next;
  }
  if (entry.backend.tcp && !entry.backend.tcp_address && is_link_local(entry.backend.address)) {
    return Error{"'" + place + "' is link-local: tcp=off or tcp=ADDRESS is needed, the kernel lacks the link"};
  }
  return entry;
}

Status parse_ecs(const std::string& text, backend::ForwardSettings& settings) {
  settings.ecs_v4 = settings.ecs_v6 = 0;
  if (text == "off") return success();
  const std::size_t slash = text.find('/');
  const auto v4 = parse_number(text.substr(0, slash), 0, 32);
  const auto v6 = parse_number(slash == std::string::npos ? "" : text.substr(slash + 1), 0, 128);
  if (!v4 || !v6) {
    return Error{"'" + text + "' is neither 'off' nor V4LEN/V6LEN (0 to 32 bits of IPv4, 0 to 128 of IPv6)"};
  }
  settings.ecs_v4 = static_cast<std::uint8_t>(*v4);
  settings.ecs_v6 = static_cast<std::uint8_t>(*v6);
  return success();
}

Status parse_health_query(const std::string& text, backend::ForwardSettings& settings) {
  const std::size_t slash = text.rfind('/');
  auto name = zone::name_from_text(text.substr(0, slash));
  if (!name) return Error{name.error() + " (NAME or NAME/TYPE)"};
  const auto type = zone::type_from_text(slash == std::string::npos ? "NS" : text.substr(slash + 1));
  if (!type) return Error{type.error() + " (NAME or NAME/TYPE)"};
  settings.health_name = std::move(*name);
  settings.health_type = *type;
  return success();
}

Result<std::uint16_t> parse_payload(const std::string& text) {
  const auto bytes = parse_number(text, 0, kLargestPayload);
  if (!bytes || (*bytes != 0 && *bytes < kLeastPayload)) {
    return Error{"'" + text + "' is neither 0 nor a number from " + std::to_string(kLeastPayload) + " to " +
                 std::to_string(kLargestPayload)};
  }
  return static_cast<std::uint16_t>(*bytes);
}

}  // namespace gl::control
