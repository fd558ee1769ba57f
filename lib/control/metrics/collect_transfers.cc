#include <algorithm>

#include "lib/base/clock.h"
#include "lib/control/metrics/collect.h"
#include "lib/control/transfers/transfers.h"

namespace gl::control {

namespace {

void collect_secondary(MetricFamilies& families, const Secondary& zone) {
  const MetricFamilies::Labels labels = {{"zone", zone.name}};
  const auto gauge = [&](const char* name, const char* help, double value) {
    families.gauge(name, help, labels, value);
  };
  const auto counter = [&](const char* name, const char* help, std::uint64_t value) {
    families.counter(name, help, labels, static_cast<double>(value));
  };
  gauge("goldilocks_zone_available", "0 where a secondary zone has no data, or has expired: SERVFAIL",
        zone.kept ? 1 : 0);
  gauge("goldilocks_zone_refresh_success", "0 where no primary could be asked, or what it gave was refused, last",
        zone.failing.empty() ? 1 : 0);
  counter("goldilocks_zone_transfers_total", "Transfers of a secondary zone that were taken", zone.transfers);
  counter("goldilocks_zone_refresh_failures_total", "Refreshes of a secondary zone that failed", zone.failures);
  counter("goldilocks_zone_notifies_total", "NOTIFY messages of its primaries", zone.notifies);
  if (!zone.kept) return;
  gauge("goldilocks_zone_refresh_timestamp_seconds", "When a primary confirmed a secondary zone last",
        static_cast<double>(zone.kept->confirmed_at));
  gauge("goldilocks_zone_expire_timestamp_seconds", "When it expires if none does so again",
        static_cast<double>(zone.kept->expires_at()));
}

}  // namespace

void collect_transfers(MetricFamilies& families, const Transfers* transfers) {
  if (transfers == nullptr) return;
  const std::vector<Secondary> zones = transfers->list();
  const auto total = [&](const char* name, const char* help, std::uint64_t value) {
    families.counter(name, help, {}, static_cast<double>(value));
  };
  families.gauge("goldilocks_secondary_zones", "Zones that are transferred, catalogs among them", {},
                 static_cast<double>(zones.size()));
  families.gauge("goldilocks_secondary_zones_unavailable", "Those that have no data, or have expired", {},
                 static_cast<double>(std::ranges::count_if(zones, [](const Secondary& z) { return !z.kept; })));
  const Transfers::Totals totals = transfers->totals();
  total("goldilocks_transfers_given_total", "Zones given to secondaries, whole", totals.given);
  total("goldilocks_transfers_refused_total", "Requests of secondaries that were refused", totals.refused);
  total("goldilocks_notifies_answered_total", "NOTIFY messages that secondaries answered", totals.notifies_answered);
  total("goldilocks_notifies_given_up_total", "NOTIFY messages that no secondary answered", totals.notifies_given_up);
  for (std::size_t i = 0; i < std::min(zones.size(), kMostZones); ++i) collect_secondary(families, zones[i]);
}

}  // namespace gl::control
