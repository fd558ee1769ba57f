#include "lib/control/options/parse_transfer.h"

#include <algorithm>
#include <optional>

#include "lib/base/text.h"
#include "lib/base/value_members.h"
#include "lib/control/options/parse_value.h"
#include "lib/zone/name_text.h"

namespace gl::control {
namespace {

// [ZONE@]PLACE[,OPTION...]
struct Parts {
  std::string zone;  // in wire form
  std::string place;
  std::string key;  // likewise
  bool ixfr = true;
  std::optional<wire::IpAddress> notify_from;
};

Result<std::string> wire_name(const std::string& text) {
  const auto name = zone::name_from_text(text);
  if (!name) return Error{name.error()};
  return std::string(name->begin(), name->end());
}

Status parse_option(std::string_view option, bool primary, Parts& parts) {
  if (option.starts_with("tsig=")) {
    auto key = wire_name(std::string(option.substr(5)));
    if (!key) return Error{"tsig=: " + key.error()};
    parts.key = std::move(*key);
    return success();
  }
  if (primary && option == "ixfr=off") return parts.ixfr = false, success();
  if (primary && option.starts_with("notify-from=")) {
    parts.notify_from = ip_from_text(std::string(option.substr(12)));
    return parts.notify_from ? success() : Error{"'" + std::string(option) + "': no address"};
  }
  return Error{"'" + std::string(option) + "' is " + (primary ? "none of" : "not") + " tsig=KEY" +
               (primary ? ", ixfr=off, notify-from=ADDRESS" : "")};
}

Result<Parts> split(const std::string& text, bool primary) {
  if (Status status = check_members(text); !status) return Error{status.error()};
  Parts parts;
  std::string_view rest = text;
  std::string_view place = take_member(rest, ',');
  if (const std::size_t at = place.rfind('@'); at != std::string_view::npos) {
    auto zone = wire_name(std::string(place.substr(0, at)));
    if (!zone) return Error{zone.error()};
    parts.zone = std::move(*zone);
    place.remove_prefix(at + 1);
  }
  parts.place = std::string(place);
  while (!rest.empty()) {
    if (Status status = parse_option(take_member(rest, ','), primary, parts); !status) return Error{status.error()};
  }
  return parts;
}

Result<transfer::Peer> peer_of(const Parts& parts) {
  const auto endpoint = parse_endpoint(parts.place);
  if (!endpoint) return Error{endpoint.error()};
  const std::uint16_t port = endpoint->port == 0 ? std::uint16_t{53} : endpoint->port;
  return transfer::Peer{{endpoint->address, port}, parts.key, parts.ixfr, parts.notify_from};
}

}  // namespace

Status add_secondary(transfer::TransferSettings& settings, const std::string& text, bool catalog) {
  const auto parts = split(text, true);
  if (!parts) return Error{parts.error()};
  if (parts->zone.empty()) return Error{"'" + text + "' is not ZONE@ADDRESS[:PORT]"};
  auto peer = peer_of(*parts);
  if (!peer) return Error{peer.error()};
  auto found = std::ranges::find(settings.secondaries, parts->zone, &transfer::SecondarySetting::zone);
  if (found == settings.secondaries.end()) {
    found = settings.secondaries.insert(found, {parts->zone, catalog, {}});
  }
  const auto same = [&](const transfer::Peer& other) { return other.host == peer->host; };
  if (found->catalog != catalog) return Error{"'" + text + "': the zone is given by --secondary and by --catalog"};
  if (std::ranges::any_of(found->primaries, same)) return Error{"'" + text + "': this primary is given twice"};
  found->primaries.push_back(std::move(*peer));
  return success();
}

Status add_notify(transfer::TransferSettings& settings, const std::string& text) {
  const auto parts = split(text, false);
  if (!parts) return Error{parts.error()};
  auto peer = peer_of(*parts);
  if (!peer) return Error{peer.error()};
  settings.notify.push_back({parts->zone, std::move(*peer)});
  return success();
}

Status add_allow(transfer::TransferSettings& settings, const std::string& text) {
  const auto parts = split(text, false);
  if (!parts) return Error{parts.error()};
  const auto network = parse_network(parts->place);
  if (!network) return Error{"'" + parts->place + "' is no network as 192.0.2.0/24 or 2001:db8::/32"};
  settings.allow.push_back({parts->zone, *network, parts->key});
  return success();
}

Status parse_transfer_listen(transfer::TransferSettings& settings, const std::string& text) {
  const auto endpoint = parse_listener(text);
  if (!endpoint) return Error{endpoint.error()};
  settings.listen = *endpoint;
  return success();
}

}  // namespace gl::control
