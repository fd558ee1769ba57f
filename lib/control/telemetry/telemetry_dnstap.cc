#include "lib/control/telemetry/telemetry_dnstap.h"

#include <cerrno>

#include "lib/control/dnstap/tap_writer.h"
#include "lib/control/telemetry/telemetry_view.h"

namespace gl::control {
namespace {

int on_dnstap(const char*, const char*, rte_tel_data* data) {
  const std::lock_guard lock(telemetry_view.mutex);
  if (telemetry_view.tap == nullptr) return -ENODEV;
  const TapWriter& tap = *telemetry_view.tap;
  rte_tel_data_start_dict(data);
  put_counters(data, {{"told", tap.told()},
                      {"dropped_full", tap.dropped_full()},
                      {"dropped_unread", tap.dropped_unread()},
                      {"written", tap.written()},
                      {"opened", tap.opened()},
                      {"open", tap.is_open() ? 1 : 0}});
  return 0;
}

}  // namespace

void register_dnstap_command() {
  rte_telemetry_register_cmd("/goldilocks/dnstap", on_dnstap, "Messages told by dnstap, and those that got lost");
}

}  // namespace gl::control
