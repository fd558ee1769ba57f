// What the commands of telemetry look at. rte_telemetry's callbacks carry no pointer of ours: so there is one view.
// Ownership: borrows; empty while there is no Telemetry. Thread: whoever holds the mutex; the main core sets and
// empties it, telemetry's thread reads.
#pragma once

#include <rte_telemetry.h>

#include <cstdint>
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

enum class PutEntry : std::uint8_t { done, full, no_memory };

// A dictionary in the dictionary that was begun, which `put` fills. A key is letters,
// digits, `_` and `/` to rte_telemetry, so entries are numbered where their names are others.
template <class Put>
[[nodiscard]] PutEntry put_entry(rte_tel_data* data, const std::string& key, Put put) {
  rte_tel_data* const entry = rte_tel_data_alloc();
  if (entry == nullptr) return PutEntry::no_memory;
  rte_tel_data_start_dict(entry);
  put(entry);
  if (rte_tel_data_add_dict_container(data, key.c_str(), entry, 0) == 0) return PutEntry::done;
  rte_tel_data_free(entry);
  return PutEntry::full;
}

// One entry a counter, into a dictionary that was begun.
inline void put_counters(rte_tel_data* data, const NamedCounters& counters) {
  for (const auto& [name, value] : counters) rte_tel_data_add_dict_u64(data, std::string(name).c_str(), value);
}

}  // namespace gl::control
