#include "lib/zone/loader.h"

#include <ldns/ldns.h>

#include <algorithm>
#include <chrono>
#include <map>

#include "lib/zone/generation.h"
#include "lib/zone/snapshot.h"
#include "lib/zone/zone_file.h"
#include "lib/zone/zone_render.h"
#include "lib/zone/zone_tree.h"

namespace gl::zone {
namespace {

// The origin that the operator gave, in wire form and lower case; empty: none given.
Result<std::string> wire_origin(const ZoneSource& source) {
  if (source.origin.empty()) return std::string{};
  ldns_rdf* rdf = ldns_dname_new_frm_str(source.origin.c_str());
  if (rdf == nullptr) return Error{source.path + ": origin '" + source.origin + "' is not a domain name"};
  ldns_dname2canonical(rdf);
  std::string wire(as_chars({ldns_rdf_data(rdf), ldns_rdf_size(rdf)}));
  ldns_rdf_deep_free(rdf);
  return wire;
}

std::string apex_of(const Zone& zone) {
  return std::string(as_chars(zone.name_of(zone.nodes[0])));
}

// The zones that are served until now, by apex.
using ZonesByApex = std::map<std::string, std::shared_ptr<const Zone>>;
ZonesByApex by_apex(const ZoneSnapshot* before) {
  ZonesByApex zones;
  if (before == nullptr) return zones;
  for (const auto& zone : before->zones()) zones.emplace(apex_of(*zone), zone);
  return zones;
}

Result<std::unique_ptr<Zone>> load_zone(const ZoneSource& source, std::vector<std::string>& warnings) {
  Result<std::string> origin = wire_origin(source);
  if (!origin) return Error{origin.error()};
  Result<ZoneFile> file = read_zone_file(source);
  if (!file) return Error{file.error()};
  Result<ZoneTree> tree = build_tree(*file, *origin, warnings);
  if (!tree) return Error{tree.error()};
  return render_zone(*tree, warnings);
}

// The one that is to be served: the old one where nothing has changed, not even what is told about it.
std::shared_ptr<const Zone> settle(std::unique_ptr<Zone> zone, const ZonesByApex& before, std::uint32_t generation) {
  const auto found = before.find(apex_of(*zone));
  const std::shared_ptr<const Zone> old = found == before.end() ? nullptr : found->second;
  set_generations(*zone, old.get(), generation);
  const bool same = old != nullptr && zone->since < generation && zone->path == old->path &&
                    zone->serial == old->serial && zone->records == old->records;
  return same ? old : std::shared_ptr<const Zone>(std::move(zone));
}

}  // namespace

Result<LoadedZones> load_zones(std::span<const ZoneSource> sources, const ZoneSnapshot* before) {
  LoadedZones loaded;
  std::vector<std::shared_ptr<const Zone>> zones;
  std::map<std::string, std::string> path_by_origin;
  const ZonesByApex old = by_apex(before);
  const std::uint32_t generation = before == nullptr ? 1 : before->generation() + 1;
  for (const ZoneSource& source : sources) {
    Result<std::unique_ptr<Zone>> zone = load_zone(source, loaded.warnings);
    if (!zone) return Error{zone.error()};
    const auto [first, added] = path_by_origin.emplace(apex_of(**zone), source.path);
    if (!added) return Error{source.path + ": the zone " + (*zone)->origin + " is already in " + first->second};
    zones.push_back(settle(std::move(*zone), old, generation));
  }
  loaded.snapshot = std::make_unique<const ZoneSnapshot>(std::move(zones), before);
  return loaded;
}

ReloadedZones reload_zones(std::span<const ZoneSource> sources, const std::vector<bool>& read,
                           const ZoneSnapshot& before) {
  using End = ReloadedZone::End;
  ReloadedZones reloaded;
  std::vector<std::shared_ptr<const Zone>> zones;
  std::map<std::string, std::string> path_by_origin;
  const ZonesByApex old = by_apex(&before);
  for (std::size_t i = 0; i < sources.size(); ++i) {
    const auto served = std::find_if(before.zones().begin(), before.zones().end(),
                                     [&](const auto& zone) { return zone->path == sources[i].path; });
    std::shared_ptr<const Zone> zone = served == before.zones().end() ? nullptr : *served;
    ReloadedZone& told = reloaded.zones.emplace_back();
    told.path = sources[i].path;
    if (zone != nullptr) told.before = zone->serial;
    if (read[i]) {
      const auto begin = std::chrono::steady_clock::now();
      Result<std::unique_ptr<Zone>> next = load_zone(sources[i], told.warnings);
      const auto taken = next ? path_by_origin.find(apex_of(**next)) : path_by_origin.end();
      if (!next) {
        told.error = next.error();
      } else if (taken != path_by_origin.end()) {
        told.error = sources[i].path + ": the zone " + (*next)->origin + " is already in " + taken->second;
      } else {
        const std::shared_ptr<const Zone> settled = settle(std::move(*next), old, before.generation() + 1);
        told.end = settled == zone ? End::same : End::changed;
        zone = settled;
      }
      if (!told.error.empty()) told.end = End::refused;
      told.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
    }
    if (zone == nullptr) continue;
    path_by_origin.emplace(apex_of(*zone), sources[i].path);
    told.origin = zone->origin;
    told.serial = zone->serial;
    told.records = zone->records;
    zones.push_back(std::move(zone));
  }
  reloaded.snapshot = std::make_unique<const ZoneSnapshot>(std::move(zones), &before);
  return reloaded;
}

}  // namespace gl::zone
