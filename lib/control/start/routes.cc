#include "lib/control/start/routes.h"

#include <algorithm>
#include <optional>
#include <string>

#include "lib/control/options/parse_value.h"

namespace gl::control {

namespace {

bool same_family(const wire::IpAddress& a, const wire::IpAddress& b) {
  return a.index() == b.index();
}

std::string family_of(const wire::IpAddress& address) {
  return wire::is_v6(address) ? "IPv6" : "IPv4";
}

bool same_network(const wire::IpAddress& a, const wire::IpAddress& b, unsigned length) {
  if (!same_family(a, b)) return false;
  const Bytes x = wire::bytes_of(a), y = wire::bytes_of(b);
  for (unsigned bit = 0; bit < std::min<std::size_t>(length, x.size() * 8); ++bit) {
    if (((x[bit / 8] ^ y[bit / 8]) & (0x80u >> bit % 8)) != 0) return false;
  }
  return true;
}

unsigned usual_length(const wire::IpAddress& address) {
  return wire::is_v6(address) ? 64 : 24;
}

// RFC 4291 section 2.5.6: on every link, fe80::/10.
bool is_link_local(const wire::IpAddress& address) {
  const auto* const v6 = std::get_if<wire::Ipv6Address>(&address);
  return v6 != nullptr && v6->bytes[0] == 0xfe && (v6->bytes[1] & 0xc0) == 0x80;
}

bool on_port(const AddressSetting& setting, std::uint16_t port) {
  return !setting.port || *setting.port == port;
}

// What one port knows of one family.
struct Side {
  std::vector<AddressSetting> addresses;
  std::optional<wire::IpAddress> gateway;

  // Bits of the longest network with `address` in it.
  [[nodiscard]] std::optional<unsigned> on_link(const wire::IpAddress& address, bool guess) const {
    std::optional<unsigned> longest;
    if (is_link_local(address) && !addresses.empty()) longest = 10;
    for (const AddressSetting& own : addresses) {
      if (!own.prefix_length && !guess) continue;
      const unsigned length = own.prefix_length ? *own.prefix_length : usual_length(own.address);
      if (same_network(own.address, address, length)) longest = std::max(longest.value_or(0), length);
    }
    return longest;
  }
};

Result<Side> side_of(const Settings& settings, std::uint16_t port, const wire::IpAddress& family) {
  Side side;
  for (const AddressSetting& own : settings.addresses) {
    if (on_port(own, port) && same_family(own.address, family)) side.addresses.push_back(own);
  }
  for (const AddressSetting& gateway : settings.gateways) {
    if (!on_port(gateway, port) || !same_family(gateway.address, family)) continue;
    if (!side.on_link(gateway.address, true)) {
      if (!gateway.port) continue;  // of another port
      return Error{"--gateway " + ip_to_text(gateway.address) + ": no --address on DPDK port " + std::to_string(port) +
                   " has it in its network (write it as ADDRESS/LENGTH)"};
    }
    if (side.gateway && *side.gateway != gateway.address) {
      return Error{"--gateway " + ip_to_text(gateway.address) + ": DPDK port " + std::to_string(port) + " has " +
                   ip_to_text(*side.gateway) + " already"};
    }
    side.gateway = gateway.address;
  }
  return side;
}

// Whether each gateway is some port's.
Status check_gateways(const Settings& settings, std::span<const std::uint16_t> ports) {
  for (const AddressSetting& gateway : settings.gateways) {
    const std::string name = "--gateway " + ip_to_text(gateway.address);
    if (gateway.port && std::find(ports.begin(), ports.end(), *gateway.port) == ports.end()) {
      return Error{name + ": there is no DPDK port " + std::to_string(*gateway.port)};
    }
    bool used = false;
    for (const std::uint16_t port : ports) {
      const auto side = side_of(settings, port, gateway.address);
      if (!side) return Error{side.error()};
      used = used || (on_port(gateway, port) && side->gateway == gateway.address);
    }
    if (!used) return Error{name + ": no --address has it in its network (write it as ADDRESS/LENGTH)"};
  }
  return success();
}

struct BackendSelector {
  Route route;
  unsigned rank = 0;  // 0: not reached; 1: nothing is known of the link; 2: by the gateway; above: network's bits + 3
};

// The address to ask from: --forward-source, else the first of the next hop's network, else the first.
std::optional<wire::IpAddress> source_of(const Settings& settings, const Side& side, const wire::IpAddress& next_hop) {
  const auto own = [&](const wire::IpAddress& address) {
    return std::any_of(side.addresses.begin(), side.addresses.end(),
                       [&](const auto& a) { return a.address == address; });
  };
  for (const AddressSetting& wish : settings.forward_source) {
    if (same_family(wish.address, next_hop)) return own(wish.address) ? std::optional(wish.address) : std::nullopt;
  }
  for (const AddressSetting& address : side.addresses) {
    const unsigned length = address.prefix_length ? *address.prefix_length : usual_length(next_hop);
    if (same_network(address.address, next_hop, length)) return address.address;
  }
  return side.addresses.front().address;
}

Result<BackendSelector> choose(const Settings& settings, const wire::IpAddress& backend, std::uint16_t port) {
  const auto side = side_of(settings, port, backend);
  if (!side) return Error{side.error()};
  BackendSelector choice;
  if (side->addresses.empty()) return choice;
  choice.route.next_hop = backend;
  if (const auto bits = side->on_link(backend, side->gateway.has_value())) {
    choice.rank = 3 + *bits;
  } else if (side->gateway) {
    choice.rank = 2;
    choice.route.next_hop = *side->gateway;
  } else if (std::any_of(side->addresses.begin(), side->addresses.end(),
                         [](const AddressSetting& a) { return !a.prefix_length; })) {
    choice.rank = 1;
  } else {
    return choice;
  }
  const auto source = source_of(settings, *side, choice.route.next_hop);
  if (!source) return BackendSelector{};
  choice.route.source = *source;
  return choice;
}

bool is_ours(const Settings& settings, const wire::IpAddress& address) {
  return std::any_of(settings.addresses.begin(), settings.addresses.end(),
                     [&](const AddressSetting& own) { return own.address == address; });
}

std::string why_unreached(const Settings& settings, const backend::BackendSettings& backend) {
  const auto of_family = [&](const AddressSetting& a) { return same_family(a.address, backend.address); };
  const auto& own = settings.addresses;
  const std::string where = backend.dpdk_port ? " on DPDK port " + std::to_string(*backend.dpdk_port) : std::string();
  const bool any = std::any_of(own.begin(), own.end(), [&](const AddressSetting& a) {
    return of_family(a) && (!backend.dpdk_port || on_port(a, *backend.dpdk_port));
  });
  if (!any) return "there is no --address of " + family_of(backend.address) + where + " to ask it from";
  const auto& wished = settings.forward_source;
  if (std::any_of(wished.begin(), wished.end(), of_family)) {
    return "it is on no network of an --address" + where + ", or --forward-source is no --address there";
  }
  return "it is on no network of an --address" + where + ", and there is no --gateway";
}

Result<Route> find_route(const Settings& settings, const backend::BackendSettings& backend,
                         std::span<const std::uint16_t> ports) {
  const std::string name = "--forward " + backend.name + ": ";
  if (is_ours(settings, backend.address)) return Error{name + "it is an --address of ours"};
  BackendSelector best;
  bool twice = false;
  bool exists = !backend.dpdk_port;
  for (unsigned i = 0; i < ports.size(); ++i) {
    if (backend.dpdk_port && *backend.dpdk_port != ports[i]) continue;
    exists = true;
    auto choice = choose(settings, backend.address, ports[i]);
    if (!choice) return Error{choice.error()};
    if (choice->rank == 0 || choice->rank < best.rank) continue;
    twice = choice->rank == best.rank;
    choice->route.interface = i;
    best = *choice;
  }
  if (!exists) return Error{name + "there is no DPDK port " + std::to_string(*backend.dpdk_port)};
  if (best.rank == 0) return Error{name + why_unreached(settings, backend)};
  if (twice) return Error{name + "several DPDK ports lead there: say which (ADDRESS:PORT@DPDKPORT)"};
  return best.route;
}

}  // namespace

Result<std::vector<Route>> find_routes(const Settings& settings, std::span<const std::uint16_t> ports) {
  if (Status status = check_gateways(settings, ports); !status) return Error{status.error()};
  std::vector<Route> routes;
  for (const backend::BackendSettings& backend : settings.forward.backends) {
    auto route = find_route(settings, backend, ports);
    if (!route) return Error{route.error()};
    routes.push_back(*route);
  }
  return routes;
}

}  // namespace gl::control
