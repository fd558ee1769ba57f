#include <map>

#include "lib/base/text.h"
#include "lib/control/check/check.h"
#include "lib/zone/name_text.h"
#include "lib/zone/snapshot.h"

namespace gl::control {

std::set<std::string> check_zones(const std::vector<zone::ZoneSource>& sources, CheckReport& report) {
  std::map<std::string, std::string> path_by_origin;  // in lower case
  std::set<std::string> names;
  for (const zone::ZoneSource& source : sources) {
    const auto loaded = zone::load_zones({&source, 1});
    if (!loaded) {
      report.errors.push_back(loaded.error());
      continue;
    }
    for (const zone::ZoneWarning& warning : loaded->warnings) report.warnings.push_back(warning.text);
    const zone::Zone& zone = *loaded->snapshot->zones().front();
    const auto [first, added] = path_by_origin.emplace(lower(zone.origin), source.path);
    if (!added) {
      report.errors.push_back(source.path + ": the zone " + zone.origin + " is already in " + first->second);
      continue;
    }
    names.emplace(zone::as_chars(zone.name_of(zone.nodes[0])));
    report.found.push_back("zone " + zone.origin + ": serial " + std::to_string(zone.serial) + ", " +
                           counted(zone.records, "record") + " (" + source.path + ")");
  }
  return names;
}

}  // namespace gl::control
