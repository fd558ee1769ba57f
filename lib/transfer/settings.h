// What the operator chose of zone transfers, in and out.
// Units in the names. Byte order: names in wire form, lower case. Ownership: plain values. Thread: any.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "lib/service/networks.h"
#include "lib/wire/kernel_socket.h"

namespace gl::transfer {

// A name server of the same zone: one that we ask, or tell.
struct Peer {
  wire::Endpoint host;
  std::string key;                               // the TSIG key's name; empty: nothing is signed
  bool ixfr = true;                              // differences are asked for
  std::optional<wire::IpAddress> notify_from{};  // an address more that its NOTIFY may come from

  [[nodiscard]] bool may_notify_from(const wire::IpAddress& address) const {
    return address == host.address || address == notify_from;
  }
};

struct SecondarySetting {
  std::string zone;
  bool catalog = false;  // its members are zones of ours, of the same primaries
  std::vector<Peer> primaries;
};
struct NotifySetting {
  std::string zone;  // empty: every one
  Peer peer;
};
struct AllowSetting {
  std::string zone;  // empty: every one
  AllowedNetwork network;
  std::string key;  // with which the request has to be signed; empty: it need not be
};

struct TransferSettings {
  std::vector<SecondarySetting> secondaries;
  std::vector<NotifySetting> notify;
  std::vector<AllowSetting> allow;
  std::vector<std::string> key_files;
  std::optional<wire::Endpoint> listen;
  std::string state_folder = "/var/lib/goldilocks/zones";
  std::uint32_t limit_mib = 1024;  // of a zone's file, and of differences in memory
  std::uint32_t most_seconds = 600;

  [[nodiscard]] bool enabled() const { return !secondaries.empty() || !notify.empty() || listen.has_value(); }
};

}  // namespace gl::transfer
