#include "lib/zone/loader.h"

#include <ldns/ldns.h>

#include <map>

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

Result<std::unique_ptr<const Zone>> load_zone(const ZoneSource& source, std::vector<std::string>& warnings) {
  Result<std::string> origin = wire_origin(source);
  if (!origin) return Error{origin.error()};
  Result<ZoneFile> file = read_zone_file(source);
  if (!file) return Error{file.error()};
  Result<ZoneTree> tree = build_tree(*file, *origin, warnings);
  if (!tree) return Error{tree.error()};
  return render_zone(*tree, warnings);
}

}  // namespace

Result<LoadedZones> load_zones(std::span<const ZoneSource> sources) {
  LoadedZones loaded;
  std::vector<std::unique_ptr<const Zone>> zones;
  std::map<std::string, std::string> path_by_origin;
  for (const ZoneSource& source : sources) {
    Result<std::unique_ptr<const Zone>> zone = load_zone(source, loaded.warnings);
    if (!zone) return Error{zone.error()};
    const std::string apex(as_chars((*zone)->name_of((*zone)->nodes[0])));
    const auto [first, added] = path_by_origin.emplace(apex, source.path);
    if (!added) return Error{source.path + ": the zone " + (*zone)->origin + " is already in " + first->second};
    zones.push_back(std::move(*zone));
  }
  loaded.snapshot = std::make_unique<const ZoneSnapshot>(std::move(zones));
  return loaded;
}

}  // namespace gl::zone
