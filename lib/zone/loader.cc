#include "lib/zone/loader.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <map>
#include <vector>

#include "lib/base/descriptor.h"
#include "lib/zone/compiler_process.h"
#include "lib/zone/generation.h"
#include "lib/zone/image_check.h"
#include "lib/zone/image_input.h"
#include "lib/zone/name_text.h"
#include "lib/zone/snapshot.h"

namespace gl::zone {
namespace {

std::string apex_of(const Zone& zone) {
  const Bytes name = zone.name_of(zone.nodes[0]);
  return {name.begin(), name.end()};
}

// The zones that are served until now, by apex.
using ZonesByApex = std::map<std::string, std::shared_ptr<const Zone>>;
ZonesByApex by_apex(const ZoneSnapshot* before) {
  ZonesByApex zones;
  if (before == nullptr) return zones;
  for (const auto& zone : before->zones()) zones.emplace(apex_of(*zone), zone);
  return zones;
}

Status open_file(const std::string& path, Descriptor& file) {
  file.reset(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  struct stat status {};
  if (file.get() < 0 || fstat(file.get(), &status) != 0) return Error{path + ": " + std::strerror(errno)};
  if (S_ISDIR(status.st_mode)) return Error{path + ": is a directory"};
  return success();
}

// Of a pipe nothing is known beforehand: it is a text.
bool holds_image(int file) {
  std::uint8_t first[kImageMagic.size()];
  return pread(file, first, sizeof first, 0) == sizeof first && is_image(first);
}

// Which an image has already, and a text is given.
Status check_origin(const ZoneSource& source, const Zone& zone) {
  if (source.origin.empty()) return success();
  const Result<std::vector<std::uint8_t>> wanted = name_from_text(source.origin);
  if (!wanted) return Error{source.path + ": origin '" + source.origin + "' is not a domain name"};
  if (std::ranges::equal(*wanted, zone.name_of(zone.nodes[0]))) return success();
  return Error{source.path + ": the image is of the zone " + zone.origin + ", not of " + source.origin};
}

Result<std::unique_ptr<Zone>> load_zone(const ZoneSource& source, std::vector<std::string>& warnings) {
  Descriptor file;
  if (Status status = open_file(source.path, file); !status) return Error{status.error()};
  const bool ready = holds_image(file.get());
  Result<ImageMemory> image = ready ? read_image(file.get()) : run_compiler(source, file.get(), warnings);
  if (!image) return Error{ready ? source.path + ": " + image.error() : image.error()};
  Result<std::unique_ptr<Zone>> zone = open_image(std::move(*image));
  if (!zone) return Error{source.path + ": " + zone.error()};
  (*zone)->path = source.path;
  if (ready) (*zone)->included.clear();  // files of where it was made
  if (Status status = check_origin(source, **zone); !status) return Error{status.error()};
  return zone;
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
