// The backends, as the operator named them.
// Byte order: addresses as on the wire, ports host. Units in the names. Ownership: plain values, filled by the main
// core before the workers start. Thread: read-only then.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "lib/wire/address.h"

namespace gl::backend {

struct BackendSettings {
  std::string name;  // as the operator wrote it: address and port, for telemetry and lines to the operator
  wire::IpAddress address;
  std::uint16_t port = 53;
  std::uint16_t weight = 1;                    // share of the questions among the backends of its pool
  std::optional<std::uint16_t> dpdk_port;      // where it is reached; absent: found by address, see docs/forwarding.md
  bool proxy = false;                          // PROXYv2 in front of every question
  bool tcp = true;                             // may be asked over TCP, through the helper
  std::optional<wire::IpAddress> tcp_address;  // where the kernel reaches it, if not at `address`
  std::uint16_t tcp_port = 0;                  // 0: as `port`
};

// All names under `suffix` are forwarded to these.
struct PoolSettings {
  std::vector<std::uint8_t> suffix;  // wire form, lower case, uncompressed; the root is one zero byte
  std::vector<unsigned> backends;    // indexes into ForwardSettings::backends
};

struct ForwardSettings {
  std::vector<BackendSettings> backends;     // at most kMaxBackends
  std::vector<PoolSettings> pools;           // at most kMaxPools, no suffix twice
  std::uint32_t timeout_ms = 800;            // for one try
  std::uint32_t tries = 2;                   // at different backends where there are several
  std::uint32_t slots = 4096;                // questions in flight, a core; at most 16384
  std::uint32_t waiting = 8192;              // frames that wait for an answer, a core
  std::uint32_t share = 0;                   // questions in flight of one network, a core; 0: no limit
  std::uint32_t requests = 1U << 18;         // over TCP, whose answers are remembered, a core; 32 bytes each
  std::uint32_t store_mb = 32;               // answers remembered, a core
  std::uint32_t keep_ms = 10000;             // how long an answer can be given again to who began to read it
  std::uint32_t serve_s = 0;                 // how long an answer serves later questions too; 0: not at all
  std::uint16_t payload = 0;                 // EDNS payload asked for, bytes; 0: what can be reassembled
  std::uint32_t health_interval_ms = 1000;   // 0: no health checks, every backend counts as up
  std::vector<std::uint8_t> health_name{0};  // wire form
  std::uint16_t health_type = 2;             // NS
  std::uint32_t health_failures = 3;         // so many in a row: down. One reply: up
  bool pass_transfers = false;               // AXFR, IXFR: through the TCP helper, else REFUSED
  bool pass_updates = false;                 // UPDATE: once, through the TCP helper, else REFUSED
  bool pass_notifies = false;                // NOTIFY: once, over UDP, else REFUSED
  std::uint8_t ecs_v4 = 0;                   // EDNS client subnet (RFC 7871): prefix bits sent; 0: none
  std::uint8_t ecs_v6 = 0;
  std::uint16_t max_udp = 1232;     // largest DNS message to a client over UDP, as for zones
  bool udp_truncate_all = false;    // --udp=tc: every question over UDP gets TC, and no backend is asked
  bool own_cookies = false;         // DNS cookies are between clients and us; else between them and the backends
  std::uint16_t tcp_keepalive = 0;  // what edns-tcp-keepalive promises clients, in 100 ms; 0: no such option

  [[nodiscard]] bool enabled() const noexcept { return !pools.empty(); }
};

inline constexpr std::size_t kMaxBackends = 32;
inline constexpr std::size_t kMaxPools = 32;

}  // namespace gl::backend
