#include "lib/control/telemetry/telemetry_transfers.h"

#include <cerrno>
#include <string>

#include "lib/control/telemetry/telemetry_view.h"
#include "lib/control/transfers/transfers.h"
#include "lib/zone/name_text.h"

namespace gl::control {
namespace {

void put_secondary(rte_tel_data* data, const Secondary& zone) {
  const auto text = [&](const char* name, const std::string& value) {
    rte_tel_data_add_dict_string(data, name, value.substr(0, RTE_TEL_MAX_STRING_LEN - 1).c_str());
  };
  const auto number = [&](const char* name, std::uint64_t value) { rte_tel_data_add_dict_u64(data, name, value); };
  text("zone", zone.name);
  text("kind", zone.is_catalog ? "catalog" : zone.catalog.empty() ? "secondary" : "member");
  if (!zone.catalog.empty()) text("catalog", zone::to_text(zone.catalog));
  text("state", zone.kept ? "available" : zone.expired ? "expired" : "not transferred");
  if (zone.kept) {
    number("serial", zone.kept->soa.serial);
    number("confirmed", zone.kept->confirmed_at);
    number("expires", zone.kept->expires_at());
  }
  if (!zone.primary.empty()) text("primary", zone.primary);
  if (!zone.failing.empty()) text("failing", zone.failing);
  number("transfers", zone.transfers);
  number("failures", zone.failures);
  number("notifies", zone.notifies);
}

int on_secondaries(const char*, const char*, rte_tel_data* data) {
  const std::lock_guard lock(telemetry_view.mutex);
  if (telemetry_view.transfers == nullptr) return -ENODEV;
  rte_tel_data_start_dict(data);
  std::size_t count = 0;
  for (const Secondary& zone : telemetry_view.transfers->list()) {
    const auto put = [&](rte_tel_data* entry) { put_secondary(entry, zone); };
    const PutEntry end = put_entry(data, "zone_" + std::to_string(count++), put);
    if (end == PutEntry::no_memory) return -ENOMEM;
    if (end == PutEntry::full) break;  // so are those behind it
  }
  return 0;
}

}  // namespace

void register_transfer_command() {
  rte_telemetry_register_cmd("/goldilocks/secondaries", on_secondaries,
                             "Zones that are transferred: serial, state, when confirmed and expiring, failures");
}

}  // namespace gl::control
