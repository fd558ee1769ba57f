#include "lib/control/zones/zone_store.h"

#include <sys/stat.h>

#include <algorithm>
#include <unordered_set>
#include <utility>

#include "lib/zone/generation.h"

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

}  // namespace

ZoneStore::ZoneStore(std::vector<zone::ZoneSource> sources, std::uint32_t linger_seconds,
                     std::atomic<const zone::PublishedZones*>& published, std::function<void()> quiesce)
    : sources_(std::move(sources)), linger_(linger_seconds), published_(published), quiesce_(std::move(quiesce)) {}

ZoneStore::~ZoneStore() {
  if (reader_.joinable()) reader_.join();
  published_.store(nullptr, std::memory_order_release);
}

void ZoneStore::publish() {
  zone::PublishedZones zones{.current = current_.get(), .settled = generations_.front().number};
  for (std::size_t i = 0; i < kept_.size(); ++i) zones.kept[i] = kept_[i].snapshot.get();
  auto next = std::make_unique<const zone::PublishedZones>(zones);
  published_.store(next.get(), std::memory_order_release);
  quiesce_();
  live_ = std::move(next);
}

Result<std::vector<std::string>> ZoneStore::load(std::uint64_t now) {
  std::vector<std::string> states;
  for (const zone::ZoneSource& source : sources_) states.push_back(state_of(source));
  auto loaded = zone::load_zones(sources_, current_.get());  // slow, and nothing is held meanwhile
  if (!loaded) return Error{loaded.error()};
  const std::lock_guard lock(mutex_);
  ++loads_;
  states_ = std::move(states);
  const bool same = current_ != nullptr && loaded->snapshot->zones() == current_->zones();
  if (!same) replace(std::move(loaded->snapshot), now);
  return std::move(loaded->warnings);
}

std::string ZoneStore::state_of(const zone::ZoneSource& source) const {
  std::vector<std::string> files = {source.path};
  if (current_ != nullptr) {
    for (const auto& zone : current_->zones()) {
      if (zone->path == source.path) files.insert(files.end(), zone->included.begin(), zone->included.end());
    }
  }
  std::string state;
  for (const std::string& file : files) {
    struct stat is {};
    if (stat(file.c_str(), &is) != 0) return {};  // whoever reads it says why
    for (const auto number :
         {static_cast<std::int64_t>(is.st_dev), static_cast<std::int64_t>(is.st_ino),
          static_cast<std::int64_t>(is.st_size), static_cast<std::int64_t>(is.st_mtim.tv_sec),
          static_cast<std::int64_t>(is.st_mtim.tv_nsec), static_cast<std::int64_t>(is.st_ctim.tv_sec),
          static_cast<std::int64_t>(is.st_ctim.tv_nsec)}) {
      state.append(std::to_string(number)).append(" ");
    }
  }
  return state;
}

bool ZoneStore::begin_reload() {
  if (reader_.joinable() || current_ == nullptr) return false;
  std::vector<bool> read;
  reading_.clear();
  for (std::size_t i = 0; i < sources_.size(); ++i) {
    reading_.push_back(state_of(sources_[i]));
    read.push_back(reading_[i].empty() || reading_[i] != states_[i]);
  }
  done_ = false;
  reader_ = std::thread([this, read = std::move(read)] {
    reloaded_ = zone::reload_zones(sources_, read, *current_);
    done_ = true;
  });
  return true;
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
  }
  if (reloaded_.snapshot->zones() != current_->zones()) replace(std::move(reloaded_.snapshot), now);
  reloaded_.snapshot.reset();
  return std::move(reloaded_.zones);
}

// What goes, goes after the swap: until then workers see it.
void ZoneStore::replace(Snapshot next, std::uint64_t now) {
  std::vector<Kept> dropped;
  Snapshot before = std::exchange(current_, std::move(next));
  if (before == nullptr || before->generation() != current_->generation()) {
    generations_.push_back({current_->generation(), now});
    if (before != nullptr) kept_.push_front({std::move(before), now});
  }
  (void)expire(now, dropped);
  limit_kept(dropped);
  publish();
}

// Moves what was replaced `linger` seconds ago to `dropped`; true where there is something new to publish.
bool ZoneStore::expire(std::uint64_t now, std::vector<Kept>& dropped) {
  bool changed = false;
  for (; generations_.size() > 1 && now - generations_[1].published_at >= linger_; changed = true) {
    generations_.pop_front();
  }
  for (; !kept_.empty() && now - kept_.back().replaced_at >= linger_; changed = true) {
    dropped.push_back(std::move(kept_.back()));
    kept_.pop_back();
  }
  return changed;
}

void ZoneStore::limit_kept(std::vector<Kept>& dropped) {
  std::unordered_set<const zone::Zone*> seen;
  const std::size_t most = memory_beyond(seen, *current_);
  std::size_t count = 0;
  std::size_t bytes = 0;
  for (const Kept& kept : kept_) {
    bytes += memory_beyond(seen, *kept.snapshot);
    if (count == zone::kMaxKept || (count > 0 && bytes > most)) break;
    ++count;
  }
  for (; kept_.size() > count; kept_.pop_back()) dropped.push_back(std::move(kept_.back()));
}

void ZoneStore::tick(std::uint64_t now) {
  const std::lock_guard lock(mutex_);
  std::vector<Kept> dropped;
  if (current_ != nullptr && expire(now, dropped)) publish();
}

std::vector<ZoneStore::ZoneInfo> ZoneStore::list() const {
  const std::lock_guard lock(mutex_);
  std::vector<ZoneInfo> list;
  if (current_ == nullptr) return list;
  for (const auto& zone : current_->list()) {
    list.push_back({std::string(zone.origin), std::string(zone.path), zone.serial, zone.records});
  }
  return list;
}

std::uint64_t ZoneStore::loads() const {
  const std::lock_guard lock(mutex_);
  return loads_;
}

std::uint32_t ZoneStore::generation() const {
  const std::lock_guard lock(mutex_);
  return current_ == nullptr ? 0 : current_->generation();
}

}  // namespace gl::control
