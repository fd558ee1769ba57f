#include "lib/control/telemetry/telemetry.h"

#include <cerrno>
#include <mutex>
#include <string>

#include "lib/control/options/parse_value.h"
#include "lib/control/telemetry/telemetry_backends.h"
#include "lib/control/telemetry/telemetry_dnstap.h"
#include "lib/control/telemetry/telemetry_neighbours.h"
#include "lib/control/telemetry/telemetry_transfers.h"
#include "lib/control/telemetry/telemetry_view.h"

namespace gl::control {

namespace {

void put(rte_tel_data* data, const NamedCounters& counters) {
  rte_tel_data_start_dict(data);
  put_counters(data, counters);
}

template <class Read>
NamedCounters all(Read read) {
  NamedCounters sum;
  for (const auto& context : telemetry_view.workers->contexts()) add_counters(sum, read(*context));
  return sum;
}

int on_counters(const char*, const char*, rte_tel_data* data) {
  const std::lock_guard lock(telemetry_view.mutex);
  if (telemetry_view.workers == nullptr) return -ENODEV;
  put(data, all(frame_counters));
  return 0;
}

// Without a name: which services there are.
int on_service(const char*, const char* parameters, rte_tel_data* data) {
  const std::lock_guard lock(telemetry_view.mutex);
  if (telemetry_view.workers == nullptr || telemetry_view.workers->contexts().empty()) return -ENODEV;
  const worker::WorkerContext& first = *telemetry_view.workers->contexts().front();
  if (parameters == nullptr || *parameters == '\0') {
    rte_tel_data_start_array(data, RTE_TEL_STRING_VAL);
    for (const Service* const service : first.services.services()) {
      rte_tel_data_add_array_string(data, std::string(service->name()).c_str());
    }
    return 0;
  }
  if (find_service(first, parameters) == nullptr) return -ENOENT;
  put(data, all([parameters](const worker::WorkerContext& context) {
        return service_counters(*find_service(context, parameters));
      }));
  return 0;
}

int on_core(const char*, const char* parameters, rte_tel_data* data) {
  const std::lock_guard lock(telemetry_view.mutex);
  if (telemetry_view.workers == nullptr) return -ENODEV;
  const auto lcore = parse_number(parameters == nullptr ? "" : parameters, 0, 65535);
  // Without a number, or with a wrong one, the workers are told.
  for (const auto& context : telemetry_view.workers->contexts()) {
    if (!lcore || context->settings.lcore != *lcore) continue;
    put(data, frame_counters(*context));
    return 0;
  }
  std::string lcores;
  for (const auto& context : telemetry_view.workers->contexts()) {
    lcores.append(lcores.empty() ? "" : ", ").append(std::to_string(context->settings.lcore));
  }
  rte_tel_data_start_dict(data);
  rte_tel_data_add_dict_string(data, "error", ("no worker on that lcore; there is one on " + lcores).c_str());
  return 0;
}

int on_zones(const char*, const char*, rte_tel_data* data) {
  const std::lock_guard lock(telemetry_view.mutex);
  if (telemetry_view.zones == nullptr) return -ENODEV;
  rte_tel_data_start_dict(data);
  std::size_t number = 0;
  for (const auto& zone : telemetry_view.zones->list()) {
    const auto put = [&](rte_tel_data* entry) {
      rte_tel_data_add_dict_string(entry, "origin", zone.origin.c_str());
      rte_tel_data_add_dict_string(entry, "file", zone.path.c_str());
      rte_tel_data_add_dict_u64(entry, "serial", zone.serial);
      rte_tel_data_add_dict_u64(entry, "records", zone.records);
    };
    if (put_entry(data, "zone_" + std::to_string(number++), put) == PutEntry::no_memory) return -ENOMEM;
  }
  return 0;
}

// Telemetry cuts a string at 128 bytes: the log has which checksums these are (port_text.h).
void put_port(rte_tel_data* data, const dpdk::Port& port, const std::string& more) {
  const std::string text = port.name() + ": " + port.driver() + (port.link_up() ? ", link up" : ", link down") +
                           ", MTU " + std::to_string(port.mtu()) + ", multicast: " + port.group_filter() +
                           (port.offloads().rss ? ", RSS" : "") + (port.offloads().any_rx() ? ", rx checksums" : "") +
                           (port.offloads().any_tx() ? ", tx checksums" : "");
  // A PCI address is no key.
  rte_tel_data_add_dict_string(data, ("port_" + std::to_string(port.id())).c_str(), (text + more).c_str());
}

int on_info(const char*, const char*, rte_tel_data* data) {
  const std::lock_guard lock(telemetry_view.mutex);
  if (telemetry_view.workers == nullptr) return -ENODEV;
  rte_tel_data_start_dict(data);
  rte_tel_data_add_dict_string(data, "version", GOLDILOCKS_VERSION);
  rte_tel_data_add_dict_u64(data, "workers", telemetry_view.workers->contexts().size());
  rte_tel_data_add_dict_u64(data, "ports", telemetry_view.network->ports().size());
  rte_tel_data_add_dict_u64(data, "context_bytes", sizeof(worker::WorkerContext));
  rte_tel_data_add_dict_u64(data, "zone_loads", telemetry_view.zones->loads());
  for (std::size_t i = 0; i < telemetry_view.network->ports().size(); ++i) {
    const dpdk::Port& port = telemetry_view.network->ports()[i];
    put_port(data, port, "");
    const dpdk::Port* const kernel = telemetry_view.network->kernel_port(i);
    if (kernel != nullptr) put_port(data, *kernel, ", to the kernel beside port " + std::to_string(port.id()));
  }
  return 0;
}

}  // namespace

Telemetry::Telemetry(const Workers& workers, const Network& network, const ZoneStore& zones, const Transfers& transfers,
                     const tcp_client::TcpHelper* helper, const TapWriter* tap) {
  {
    const std::lock_guard lock(telemetry_view.mutex);
    telemetry_view.workers = &workers;
    telemetry_view.network = &network;
    telemetry_view.zones = &zones;
    telemetry_view.transfers = &transfers;
    telemetry_view.helper = helper;
    telemetry_view.tap = tap;
  }
  rte_telemetry_register_cmd("/goldilocks/counters", on_counters, "Frame counters and verdicts of all workers");
  rte_telemetry_register_cmd("/goldilocks/core", on_core, "The same of one worker. Parameter: its lcore");
  rte_telemetry_register_cmd("/goldilocks/service", on_service,
                             "Counters of a service, of all workers. Parameter: its name; without: all names");
  rte_telemetry_register_cmd("/goldilocks/zones", on_zones, "Zones served: origin, file, serial, records");
  rte_telemetry_register_cmd("/goldilocks/info", on_info, "Version, workers, ports and their offloads");
  register_backend_commands();
  register_neighbour_command();
  register_dnstap_command();
  register_transfer_command();
}

Telemetry::~Telemetry() {
  const std::lock_guard lock(telemetry_view.mutex);
  telemetry_view.workers = nullptr;
  telemetry_view.network = nullptr;
  telemetry_view.zones = nullptr;
  telemetry_view.transfers = nullptr;
  telemetry_view.helper = nullptr;
  telemetry_view.tap = nullptr;
}

}  // namespace gl::control
