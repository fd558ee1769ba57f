#include "lib/control/zones/zone_store.h"

#include <sys/stat.h>

#include <algorithm>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "lib/base/clock.h"
#include "lib/base/file_state.h"
#include "lib/base/text.h"
#include "lib/zone/compiler_process.h"
#include "lib/zone/generation.h"
#include "lib/zone/zone_data.h"

namespace gl::control {
namespace {

// Bytes of the zones in `snapshot` that are not among `seen`, to which they are added.
std::size_t memory_beyond(std::unordered_set<const zone::Zone*>& seen, const zone::ZoneSnapshot& snapshot) {
  std::size_t bytes = 0;
  for (const auto& zone : snapshot.zones()) {
    if (seen.insert(zone.get()).second) bytes += zone::memory_of(*zone);
  }
  return bytes;
}

// As many as together take no more memory than the current one, and the newest always.
std::size_t worth_keeping(const zone::ZoneSnapshot& current, std::span<const zone::ZoneSnapshot* const> before) {
  std::unordered_set<const zone::Zone*> seen;
  const std::size_t most = memory_beyond(seen, current);
  std::size_t count = 0;
  for (std::size_t bytes = 0; count < before.size(); ++count) {
    bytes += memory_beyond(seen, *before[count]);
    if (count > 0 && bytes > most) break;
  }
  return count;
}

}  // namespace

ZoneStore::ZoneStore(std::vector<zone::ZoneSource> sources, std::uint32_t linger_seconds,
                     std::atomic<const zone::PublishedZones*>& published, std::function<void()> quiesce)
    : sources_(std::move(sources)), versions_(linger_seconds, published, std::move(quiesce), worth_keeping) {}

ZoneStore::~ZoneStore() {
  if (!reader_.joinable()) return;
  const zone::CompilingGivenUp given_up;
  reader_.join();
}

Result<std::vector<zone::ZoneWarning>> ZoneStore::load(std::uint64_t now) {
  std::vector<std::string> states;
  for (const zone::ZoneSource& source : sources_) states.push_back(state_of(source));
  auto loaded = zone::load_zones(sources_, current());  // slow, and nothing is held meanwhile
  if (!loaded) return Error{loaded.error()};
  const std::lock_guard lock(mutex_);
  ++loads_;
  states_ = std::move(states);
  for (const zone::ZoneSource& source : sources_) last_loads_[source.path] = {unix_seconds(), false};
  const bool same = current() != nullptr && loaded->snapshot->zones() == current()->zones();
  if (!same) versions_.replace(std::move(loaded->snapshot), now);
  return std::move(loaded->warnings);
}

std::string ZoneStore::state_of(const zone::ZoneSource& source) const {
  std::vector<std::string> files = {source.path};
  if (current() != nullptr) {
    for (const auto& zone : current()->zones()) {
      if (zone->path == source.path) files.insert(files.end(), zone->included.begin(), zone->included.end());
    }
  }
  std::string state;
  for (const std::string& file : files) {
    struct stat is {};
    if (stat(file.c_str(), &is) != 0) return {};  // whoever reads it says why
    state.append(file_state(is));
  }
  return state;
}

bool ZoneStore::begin_reload() {
  if (reader_.joinable() || current() == nullptr) return false;
  std::vector<bool> read;
  for (std::size_t i = 0; i < sources_.size(); ++i) {
    if (sources_[i].transferred) {
      read.push_back(false);
      continue;
    }
    const std::string state = state_of(sources_[i]);
    read.push_back(state.empty() || state != states_[i]);
  }
  start_reader(std::move(read));
  return true;
}

Status ZoneStore::begin_reload_of(const std::string& origin) {
  const std::string wanted = lower(origin.ends_with('.') ? origin : origin + ".");
  std::string path;
  for (const ZoneInfo& zone : list()) {
    if (lower(zone.origin) == wanted) path = zone.path;
  }
  if (path.empty()) return Error{"there is no zone " + wanted};
  if (reader_.joinable()) return Error{"zones are being read again; ask when that has ended"};
  std::vector<bool> read;
  for (const zone::ZoneSource& source : sources_) {
    if (source.path == path && source.transferred)
      return Error{"zone " + wanted + " is transferred, and follows its primary"};
    read.push_back(source.path == path);
  }
  start_reader(std::move(read));
  return success();
}

void ZoneStore::start_reader(std::vector<bool> read) {
  reading_ = states_;
  for (std::size_t i = 0; i < sources_.size(); ++i) {
    if (read[i]) reading_[i] = state_of(sources_[i]);
  }
  begin(std::move(read), {});
}

bool ZoneStore::begin_update(std::vector<ZoneUpdate>& updates) {
  if (reader_.joinable() || current() == nullptr) return false;
  // Of thousands at once each is found by its file.
  std::unordered_map<std::string, std::size_t> places;
  for (std::size_t i = 0; i < sources_.size(); ++i) {
    if (sources_[i].transferred) places.emplace(sources_[i].path, i);
  }
  std::vector<std::unique_ptr<zone::Zone>> ready(sources_.size());
  std::vector<bool> gone(sources_.size());
  for (ZoneUpdate& update : updates) {
    const auto [place, is_new] = places.try_emplace(update.source.path, sources_.size());
    if (is_new) {
      sources_.push_back(update.source);
      states_.emplace_back();
      ready.emplace_back();
      gone.push_back(false);
    }
    gone[place->second] = update.zone == nullptr;
    ready[place->second] = std::move(update.zone);
  }
  updates.clear();
  drop(gone, ready);
  reading_ = states_;
  begin(std::vector<bool>(sources_.size(), false), std::move(ready));
  return true;
}

// These sources, and what was ready of them.
void ZoneStore::drop(const std::vector<bool>& gone, std::vector<std::unique_ptr<zone::Zone>>& ready) {
  std::size_t kept = 0;
  for (std::size_t i = 0; i < sources_.size(); ++i) {
    if (gone[i]) continue;
    if (kept != i) {
      sources_[kept] = std::move(sources_[i]);
      states_[kept] = std::move(states_[i]);
      ready[kept] = std::move(ready[i]);
    }
    ++kept;
  }
  sources_.resize(kept);
  states_.resize(kept);
  ready.resize(kept);
}

void ZoneStore::begin(std::vector<bool> read, std::vector<std::unique_ptr<zone::Zone>> ready) {
  done_ = false;
  reader_ = std::thread([this, read = std::move(read), ready = std::move(ready)]() mutable {
    reloaded_ = zone::reload_zones(sources_, read, *current(), ready);
    done_ = true;
  });
}

std::optional<std::vector<zone::ReloadedZone>> ZoneStore::finish_reload(std::uint64_t now) {
  if (!reader_.joinable() || !done_) return std::nullopt;
  reader_.join();
  const std::lock_guard lock(mutex_);
  ++loads_;
  for (std::size_t i = 0; i < sources_.size(); ++i) {
    // One that was refused is read again the next time, whether it has changed or not.
    const bool refused = reloaded_.zones[i].end == zone::ReloadedZone::End::refused;
    states_[i] = refused ? std::string{} : reading_[i];
    note_load(reloaded_.zones[i]);
  }
  if (reloaded_.snapshot->zones() != current()->zones()) versions_.replace(std::move(reloaded_.snapshot), now);
  reloaded_.snapshot.reset();
  return std::move(reloaded_.zones);
}

void ZoneStore::note_load(const zone::ReloadedZone& zone) {
  using End = zone::ReloadedZone::End;
  if (zone.end == End::unread) return;
  LastLoad& last = last_loads_[zone.path];
  last.refused = zone.end == End::refused;
  if (!last.refused) last.at = unix_seconds();
}

void ZoneStore::tick(std::uint64_t now) {
  const std::lock_guard lock(mutex_);
  versions_.tick(now);
}

std::vector<ZoneStore::ZoneInfo> ZoneStore::list() const {
  const std::lock_guard lock(mutex_);
  std::vector<ZoneInfo> list;
  if (current() == nullptr) return list;
  for (const auto& zone : current()->zones()) {
    if (zone->unavailable) continue;
    const auto last = last_loads_.find(zone->path);
    const LastLoad load = last == last_loads_.end() ? LastLoad{} : last->second;
    list.push_back(
        {zone->origin, zone->path, zone->serial, zone->records, zone::memory_of(*zone), load.at, load.refused});
  }
  return list;
}

std::uint64_t ZoneStore::loads() const {
  const std::lock_guard lock(mutex_);
  return loads_;
}

std::uint32_t ZoneStore::generation() const {
  const std::lock_guard lock(mutex_);
  return current() == nullptr ? 0 : current()->generation();
}

}  // namespace gl::control
