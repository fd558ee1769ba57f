#include "lib/zone/loader.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <map>
#include <unordered_map>
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

// Of a FIFO without a writer nothing comes; to wait for one would hold up all zones.
Status open_file(const std::string& path, Descriptor& file) {
  file.reset(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  struct stat status {};
  if (file.get() < 0 || fstat(file.get(), &status) != 0) return Error{path + ": " + std::strerror(errno)};
  if (S_ISDIR(status.st_mode)) return Error{path + ": is a directory"};
  if (!S_ISREG(status.st_mode) && !S_ISFIFO(status.st_mode)) return Error{path + ": is neither a file nor a pipe"};
  if (fcntl(file.get(), F_SETFL, 0) != 0) return Error{path + ": " + std::strerror(errno)};
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

}  // namespace

Result<std::unique_ptr<Zone>> load_zone(const ZoneSource& source, std::vector<std::string>& warnings) {
  Descriptor file;
  if (Status status = open_file(source.path, file); !status) return Error{status.error()};
  const bool ready = holds_image(file.get());
  Result<ImageMemory> image = ready ? read_image(file.get()) : run_compiler(source, file.get(), warnings);
  if (!image) return Error{ready ? source.path + ": " + image.error() : image.error()};
  Result<std::unique_ptr<Zone>> zone = open_image(std::move(*image));
  if (!zone) return Error{source.path + ": " + zone.error()};
  (*zone)->path = source.path;
  (*zone)->transferred = source.transferred;
  if (ready) (*zone)->included.clear();  // files of where it was made
  if (Status status = check_origin(source, **zone); !status) return Error{status.error()};
  return zone;
}

namespace {

// The one that is to be served: the old one where nothing has changed, not even what is told about it.
std::shared_ptr<const Zone> settle(std::unique_ptr<Zone> zone, const ZonesByApex& before, std::uint32_t generation) {
  const auto found = before.find(apex_of(*zone));
  const std::shared_ptr<const Zone> old = found == before.end() ? nullptr : found->second;
  // Of one without data nothing is answered, so nothing is as before.
  const bool alike = old != nullptr && old->unavailable == zone->unavailable;
  set_generations(*zone, alike ? old.get() : nullptr, generation);
  const bool same = alike && zone->since < generation && zone->path == old->path &&
                    zone->transferred == old->transferred && zone->serial == old->serial &&
                    zone->records == old->records;
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
    std::vector<std::string> warnings;
    Result<std::unique_ptr<Zone>> zone = load_zone(source, warnings);
    if (!zone) return Error{zone.error()};
    for (std::string& text : warnings) loaded.warnings.push_back({std::move(text), source.path, (*zone)->origin});
    const auto [first, added] = path_by_origin.emplace(apex_of(**zone), source.path);
    if (!added) return Error{source.path + ": the zone " + (*zone)->origin + " is already in " + first->second};
    zones.push_back(settle(std::move(*zone), old, generation));
  }
  loaded.snapshot = std::make_unique<const ZoneSnapshot>(std::move(zones), before);
  return loaded;
}

namespace {

// What a source has before a reload, and what was read of it.
struct Candidate {
  std::shared_ptr<const Zone> served;  // null: none
  std::shared_ptr<const Zone> next;    // null: not read, or refused
  [[nodiscard]] const std::shared_ptr<const Zone>& zone() const noexcept { return next != nullptr ? next : served; }
};

// One file may hold the zones of several sources, each by its own origin.
bool is_of(const Zone& zone, const ZoneSource& source) {
  const auto wanted = name_from_text(source.origin);
  return source.origin.empty() || (wanted && std::ranges::equal(*wanted, zone.name_of(zone.nodes[0])));
}

// The zones that are served until now, by their files.
using ZonesByPath = std::unordered_multimap<std::string, std::shared_ptr<const Zone>>;
ZonesByPath by_path(const ZoneSnapshot& before) {
  ZonesByPath zones;
  for (const auto& zone : before.zones()) zones.emplace(zone->path, zone);
  return zones;
}

std::shared_ptr<const Zone> served_of(const ZoneSource& source, const ZonesByPath& before) {
  const auto [first, last] = before.equal_range(source.path);
  const auto found = std::find_if(first, last, [&](const auto& entry) { return is_of(*entry.second, source); });
  return found == last ? nullptr : found->second;
}

// `ready`: one that was read already.
void read_again(const ZoneSource& source, const ZonesByApex& old, std::uint32_t generation, Candidate& candidate,
                ReloadedZone& told, std::unique_ptr<Zone> ready = nullptr) {
  using End = ReloadedZone::End;
  const auto begin = std::chrono::steady_clock::now();
  Result<std::unique_ptr<Zone>> next = ready != nullptr ? std::move(ready) : load_zone(source, told.warnings);
  if (next) {
    candidate.next = settle(std::move(*next), old, generation);
    told.end = candidate.next == candidate.served ? End::same : End::changed;
  } else {
    told.error = next.error();
    told.end = End::refused;
  }
  told.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

// Refuses one that is read anew where two sources have the same zone; true where there was one. What is served has no
// zone twice, so it comes to an end.
bool refuse_one_of_two(std::span<const ZoneSource> sources, std::vector<Candidate>& candidates,
                       std::vector<ReloadedZone>& told) {
  std::map<std::string, std::size_t> by_apex;
  for (std::size_t i = 0; i < candidates.size(); ++i) {
    if (candidates[i].zone() == nullptr) continue;
    const auto [first, added] = by_apex.emplace(apex_of(*candidates[i].zone()), i);
    if (added) continue;
    const bool this_one = candidates[i].next != nullptr && candidates[i].next != candidates[i].served;
    const std::size_t refused = this_one ? i : first->second;
    const std::size_t kept = this_one ? first->second : i;
    told[refused].error = sources[refused].path + ": the zone " + candidates[refused].next->origin + " is already in " +
                          sources[kept].path;
    told[refused].end = ReloadedZone::End::refused;
    candidates[refused].next = nullptr;
    return true;
  }
  return false;
}

}  // namespace

ReloadedZones reload_zones(std::span<const ZoneSource> sources, const std::vector<bool>& read,
                           const ZoneSnapshot& before, std::span<std::unique_ptr<Zone>> ready) {
  ReloadedZones reloaded;
  reloaded.zones.resize(sources.size());
  std::vector<Candidate> candidates(sources.size());
  const ZonesByApex old = by_apex(&before);
  const ZonesByPath served = by_path(before);
  for (std::size_t i = 0; i < sources.size(); ++i) {
    ReloadedZone& told = reloaded.zones[i];
    told.path = sources[i].path;
    candidates[i].served = served_of(sources[i], served);
    if (candidates[i].served != nullptr) told.before = candidates[i].served->serial;
    const bool given = !ready.empty() && ready[i] != nullptr;
    if (!given && !read[i]) continue;
    read_again(sources[i], old, before.generation() + 1, candidates[i], told, given ? std::move(ready[i]) : nullptr);
  }
  while (refuse_one_of_two(sources, candidates, reloaded.zones)) {
  }
  std::vector<std::shared_ptr<const Zone>> zones;
  for (std::size_t i = 0; i < sources.size(); ++i) {
    const std::shared_ptr<const Zone>& zone = candidates[i].zone();
    if (zone == nullptr) continue;
    reloaded.zones[i].origin = zone->origin;
    reloaded.zones[i].serial = zone->serial;
    reloaded.zones[i].records = zone->records;
    zones.push_back(zone);
  }
  reloaded.snapshot = std::make_unique<const ZoneSnapshot>(std::move(zones), &before);
  return reloaded;
}

}  // namespace gl::zone
