#include "lib/control/ctl/show.h"

#include <unistd.h>

#include <algorithm>
#include <ctime>
#include <map>
#include <string>

#include "lib/base/clock.h"
#include "lib/control/telemetry/backend_totals.h"
#include "lib/zone/load_progress.h"

namespace gl::control {
namespace {

// RFC 3339, UTC.
std::string time_text(std::uint64_t unix_seconds) {
  const auto seconds = static_cast<std::time_t>(unix_seconds);
  std::tm utc{};
  gmtime_r(&seconds, &utc);
  char text[32];
  (void)std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &utc);
  return text;
}

Json to_json(const NamedCounters& counters) {
  Json object = new_object();
  for (const auto& [name, value] : counters) put(object, name, value);
  return object;
}

using Groups = std::map<std::string, NamedCounters, std::less<>>;

// What print_summary() groups likewise.
Groups counters_of(const worker::WorkerContext& context) {
  Groups groups;
  groups["frames"] = frame_counters(context);
  for (const Service* const service : context.services.services()) {
    add_counters(groups[std::string(service->name())], service_counters(*service));
  }
  if (context.forwarder != nullptr) groups["forward"] = forward_counters(context.forwarder->counters());
  return groups;
}

Json to_json(const Groups& groups) {
  Json object = new_object();
  for (const auto& [name, counters] : groups) put(object, name, to_json(counters));
  return object;
}

Json show_ports(const Network& network) {
  Json ports = new_array();
  for (const dpdk::Port& port : network.ports()) {
    Json entry = new_object();
    put(entry, "port", port.name());
    put(entry, "driver", port.driver());
    put(entry, "link", port.link_up() ? "up" : "down");
    put(entry, "mtu", port.mtu());
    append(ports, std::move(entry));
  }
  return ports;
}

}  // namespace

void show_loads(const Json& answer) {
  const auto loads = zone::loads_under_way();
  if (loads.empty()) return;
  Json list = new_array();
  const std::uint64_t now = monotonic_ms();
  for (const zone::LoadUnderWay& load : loads) {
    Json entry = new_object();
    put(entry, "file", load.path);
    put(entry, "doing", load.read_all ? "making answers" : "reading");
    put(entry, "records", load.records);
    put(entry, "seconds", (now - load.began_ms) / 1000);
    append(list, std::move(entry));
  }
  put(answer, "loading", std::move(list));
}

void show_status(const ControlView& view, const Json& answer) {
  const auto zones = view.zones.list();
  put(answer, "version", GOLDILOCKS_VERSION);
  put(answer, "process", getpid());
  put(answer, "workers", view.workers.contexts().size());
  put(answer, "zones", zones.size());
  put(answer, "zones_refused", std::ranges::count(zones, true, &ZoneStore::ZoneInfo::refused));
  put(answer, "zone_loads", view.zones.loads());
  if (const Forwarders forwarders = forwarders_of(view.workers); !forwarders.empty()) {
    const std::size_t count = forwarders.front()->settings().backends.size();
    std::size_t up = 0;
    for (unsigned i = 0; i < count; ++i) up += cores_up(forwarders, i) != 0 ? 1U : 0U;
    put(answer, "backends", count);
    put(answer, "backends_up", up);
  }
  put(answer, "ports", show_ports(view.network));
  show_loads(answer);
}

void show_counters(const ControlView& view, const Json& answer) {
  Groups sum;
  Json cores = new_object();
  for (const auto& context : view.workers.contexts()) {
    const Groups own = counters_of(*context);
    for (const auto& [name, counters] : own) add_counters(sum[name], counters);
    put(cores, std::to_string(context->settings.lcore), to_json(own));
  }
  const Forwarders forwarders = forwarders_of(view.workers);
  if (!forwarders.empty()) {
    const auto& backends = forwarders.front()->settings().backends;
    for (unsigned i = 0; i < backends.size(); ++i) {
      sum["backend " + backends[i].name] = backend_counters(forwarders, i);
    }
  }
  if (view.helper != nullptr) sum["tcp helper"] = tcp_helper_counters(view.helper->counters());
  put(answer, "sum", to_json(sum));
  put(answer, "cores", std::move(cores));
}

void show_zones(const ControlView& view, const Json& answer) {
  Json zones = new_array();
  for (const ZoneStore::ZoneInfo& zone : view.zones.list()) {
    Json entry = new_object();
    put(entry, "zone", zone.origin);
    put(entry, "serial", zone.serial);
    put(entry, "records", zone.records);
    put(entry, "bytes", zone.bytes);
    put(entry, "loaded", time_text(zone.loaded_at));
    put(entry, "last_read", zone.refused ? "refused" : "taken");
    put(entry, "source", zone.path);
    append(zones, std::move(entry));
  }
  put(answer, "zones", std::move(zones));
  show_loads(answer);
}

}  // namespace gl::control
