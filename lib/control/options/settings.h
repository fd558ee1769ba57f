// What the operator chose, from flags and the configuration file.
// Units in the names. Ownership: plain values. Thread: main core, before anything starts.
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "lib/backend/settings.h"
#include "lib/control/dnstap/settings.h"
#include "lib/control/logging/settings.h"
#include "lib/service/networks.h"
#include "lib/services/all.h"
#include "lib/services/dns/zone.h"
#include "lib/tcp/responder.h"
#include "lib/transfer/settings.h"
#include "lib/wire/address.h"
#include "lib/wire/kernel_socket.h"
#include "lib/zone/loader.h"

namespace gl::control {

struct AddressSetting {
  wire::IpAddress address;
  std::optional<std::uint16_t> port;          // DPDK port; absent: every port
  std::optional<std::uint8_t> prefix_length;  // bits of the network around it; absent: not known
};

// A DPDK port that leads to this machine's kernel.
struct KernelPortSetting {
  std::uint16_t kernel = 0;
  std::optional<std::uint16_t> beside;  // the DPDK port whose frames it takes; absent: the only other one
};

// VLANs whose frames are taken.
struct VlanSetting {
  std::vector<std::uint16_t> ids;     // 0: untagged
  std::optional<std::uint16_t> port;  // DPDK port; absent: every port
};

using wire::Endpoint;  // a kernel socket's; port 0: none was written

struct Settings {
  std::vector<zone::ZoneSource> zones;
  std::vector<AddressSetting> addresses;
  std::vector<std::uint16_t> service_ports;    // empty: 53
  std::vector<VlanSetting> vlans;              // empty: all
  std::vector<AddressSetting> gateways;        // next hops for what is on no network of an address
  std::vector<AddressSetting> forward_source;  // toward backends, at most one of each family; else the first address
  services::DnsSettings dns;
  backend::ForwardSettings forward;
  services::Modules modules = services::all_modules();  // services with options of their own
  tcp::ResponderSettings tcp{.mss_limit_v6 = 1220, .flow_cache = 4096, .bulk_flows = 1024};
  std::string secret_path = "/var/lib/goldilocks/secret";
  std::uint32_t epoch_seconds = 3600;
  std::uint32_t drain_seconds = 0;     // between SIGTERM and the end
  std::uint32_t linger_seconds = 120;  // how long answers from the zones before a reload can be continued
  std::uint16_t mtu = 0;               // 0: as the port has it
  std::uint16_t rx_descriptors = 1024;
  std::uint16_t tx_descriptors = 1024;
  std::uint32_t idle_sleep_us = 0;
  bool rx_interrupts = false;  // an idle worker sleeps until a frame comes
  transfer::TransferSettings transfers;
  zone::ZoneDigests zone_digests = zone::ZoneDigests::check;
  std::vector<std::shared_ptr<services::NotifyDoor>> notify_doors;  // one a core, where zones are transferred
  std::vector<KernelPortSetting> kernel_ports;
  std::uint32_t kernel_rate = 10000;     // frames a second to the kernel, of each core and kind
  AllowedNetworks kernel_peers;          // whose frames to the kernel have a rate of their own
  std::optional<DnstapSettings> dnstap;  // absent: none
  std::optional<Endpoint> metrics;       // where Prometheus may ask; absent: nowhere
  LogSettings log;
  std::string control_socket;  // its path, or `off`; empty: in the EAL's runtime directory
};

// What edns-tcp-keepalive may promise, in its units of 100 ms (RFC 7828): a connection made at the end of an epoch
// lives to the middle of the next.
[[nodiscard]] constexpr std::uint16_t promised_idle(std::uint32_t epoch_seconds) {
  return static_cast<std::uint16_t>(std::min(epoch_seconds / 2 * 10, std::uint32_t{0xffff}));
}

}  // namespace gl::control
