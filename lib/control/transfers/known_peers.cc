#include "lib/control/transfers/known_peers.h"

#include <algorithm>

namespace gl::control {
namespace {

AllowedNetwork network_of(const wire::IpAddress& address) {
  const Bytes bytes = wire::bytes_of(address);
  AllowedNetwork network;
  network.address_length = static_cast<std::uint8_t>(bytes.size());
  network.prefix_length = static_cast<std::uint8_t>(8 * bytes.size());
  std::ranges::copy(bytes, network.address.begin());
  return network;
}

}  // namespace

AllowedNetworks primaries_of(const transfer::TransferSettings& settings) {
  AllowedNetworks primaries;
  for (const transfer::SecondarySetting& secondary : settings.secondaries) {
    for (const transfer::Peer& primary : secondary.primaries) {
      primaries.push_back(network_of(primary.host.address));
      if (primary.notify_from) primaries.push_back(network_of(*primary.notify_from));
    }
  }
  return primaries;
}

AllowedNetworks known_peers(const transfer::TransferSettings& settings) {
  AllowedNetworks peers = primaries_of(settings);
  for (const transfer::AllowSetting& allow : settings.allow) peers.push_back(allow.network);
  return peers;
}

}  // namespace gl::control
