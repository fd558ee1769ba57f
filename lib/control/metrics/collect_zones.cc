#include <algorithm>

#include "lib/control/metrics/collect.h"

namespace gl::control {

namespace {

void collect_zone(MetricFamilies& families, const ZoneStore::ZoneInfo& zone) {
  const auto put = [&](const char* name, const char* help, double value) {
    families.gauge(name, help, {{"zone", zone.origin}}, value);
  };
  put("goldilocks_zone_serial", "Serial number of the SOA (RFC 1982)", zone.serial);
  put("goldilocks_zone_records", "Records of a zone", static_cast<double>(zone.records));
  put("goldilocks_zone_memory_bytes", "Memory that a zone takes", static_cast<double>(zone.bytes));
  put("goldilocks_zone_load_timestamp_seconds", "When the zone's file was read last and taken",
      static_cast<double>(zone.loaded_at));
  put("goldilocks_zone_load_success",
      "0 where the file was refused when it was read last: the zone before it is served", !zone.refused);
}

}  // namespace

void collect_zones(MetricFamilies& families, const std::vector<ZoneStore::ZoneInfo>& zones, std::uint64_t loads) {
  families.counter("goldilocks_zone_loads_total", "How often the zones were read, the first time included", {},
                   static_cast<double>(loads));
  families.gauge("goldilocks_zones", "Zones that are served", {}, static_cast<double>(zones.size()));
  families.gauge("goldilocks_zones_refused", "Zones whose file was refused when it was read last", {},
                 static_cast<double>(std::ranges::count(zones, true, &ZoneStore::ZoneInfo::refused)));
  for (std::size_t i = 0; i < std::min(zones.size(), kMostZones); ++i) collect_zone(families, zones[i]);
}

}  // namespace gl::control
