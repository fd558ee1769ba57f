// What the commands of telemetry look at. rte_telemetry's callbacks carry no pointer of ours: so there is one view.
// Ownership: borrows; empty while there is no Telemetry. Thread: whoever holds the mutex; the main core sets and
// empties it, telemetry's thread reads.
#pragma once

#include <rte_telemetry.h>

#include <mutex>
#include <string>

#include "lib/control/start/network.h"
#include "lib/control/start/workers.h"
#include "lib/control/telemetry/totals.h"
#include "lib/control/zones/zone_store.h"
#include "lib/tcp_client/helper.h"

namespace gl::control {

class TapWriter;
class Transfers;

struct TelemetryView {
  std::mutex mutex;
  const Workers* workers = nullptr;
  const Network* network = nullptr;
  const ZoneStore* zones = nullptr;
  const TapWriter* tap = nullptr;  // null as well where there is no dnstap
  const Transfers* transfers = nullptr;
  const tcp_client::TcpHelper* helper = nullptr;  // null as well where nothing goes to backends over TCP
};
inline TelemetryView telemetry_view;

// One entry a counter, into a dictionary that was begun.
inline void put_counters(rte_tel_data* data, const NamedCounters& counters) {
  for (const auto& [name, value] : counters) rte_tel_data_add_dict_u64(data, std::string(name).c_str(), value);
}

}  // namespace gl::control
