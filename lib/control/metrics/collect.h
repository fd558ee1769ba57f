// What each part of the program tells of itself, as metric families.
// Units: as the names say. Ownership: borrows what it reads. Thread: any but a worker's; one at a time. Each value is
// exact, together they are of nearly one moment. Errors: what cannot be read is left out.
#pragma once

#include <string>
#include <vector>

#include "lib/control/metrics/families.h"
#include "lib/control/start/network.h"
#include "lib/control/start/workers.h"
#include "lib/control/zones/zone_store.h"
#include "lib/tcp_client/helper.h"

namespace gl::control {

class TapWriter;
class Transfers;

// So many zones have series of their own, in the order of the configuration.
inline constexpr std::size_t kMostZones = 1000;

// The idle seconds told last, by worker. Idle is what is left of the time: a burst under way counts as idle until it
// ends, and a counter must not go back.
using IdleSeconds = std::vector<double>;

// Frames by verdict, the other counters of a core, its load and its buffers.
void collect_cores(MetricFamilies& families, const Workers& workers, IdleSeconds& idle);
// Frames by core and port, and what the devices count themselves.
void collect_ports(MetricFamilies& families, const Workers& workers, const Network& network);
void collect_services(MetricFamilies& families, const Workers& workers);
// Forwarding as a whole and each backend; nothing where nothing is forwarded. `helper` may be null.
void collect_backends(MetricFamilies& families, const Workers& workers, const tcp_client::TcpHelper* helper);
// Nothing where there is no dnstap.
void collect_dnstap(MetricFamilies& families, const TapWriter* tap);
// `loads`: how often zones were read.
void collect_zones(MetricFamilies& families, const std::vector<ZoneStore::ZoneInfo>& zones, std::uint64_t loads);
// Secondaries, and what was given out; nothing where `transfers` is null.
void collect_transfers(MetricFamilies& families, const Transfers* transfers);
// Version and uptime, and what every exporter tells of its process (process_*).
void collect_process(MetricFamilies& families);

// The label of everything that a core counts: its lcore.
[[nodiscard]] inline MetricFamilies::Labels core_label(const worker::WorkerContext& context) {
  return {{"core", std::to_string(context.settings.lcore)}};
}

}  // namespace gl::control
