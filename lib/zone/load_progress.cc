#include "lib/zone/load_progress.h"

#include <mutex>
#include <utility>

#include "lib/base/clock.h"

namespace gl::zone {
namespace {

struct Loads {
  std::mutex mutex;
  std::list<LoadUnderWay> entries;
  std::function<void(const LoadUnderWay&)> watcher;
};
Loads& the_loads() {
  static auto* const loads = new Loads;  // a thread may still read when the process ends
  return *loads;
}

}  // namespace

std::vector<LoadUnderWay> loads_under_way() {
  const std::lock_guard lock(the_loads().mutex);
  return {the_loads().entries.begin(), the_loads().entries.end()};
}

void watch_loads(std::function<void(const LoadUnderWay&)> watcher) {
  const std::lock_guard lock(the_loads().mutex);
  the_loads().watcher = std::move(watcher);
}

LoadProgress::LoadProgress(const std::string& path) : next_ms_(monotonic_ms() + kFirstMs) {
  const std::lock_guard lock(the_loads().mutex);
  auto& entries = the_loads().entries;
  entry_ = entries.insert(entries.end(), {.path = path, .began_ms = monotonic_ms()});
}

LoadProgress::~LoadProgress() {
  if (told_) tell(true);
  const std::lock_guard lock(the_loads().mutex);
  the_loads().entries.erase(entry_);
}

void LoadProgress::set(std::uint64_t records, bool read_all) {
  const std::lock_guard lock(the_loads().mutex);
  entry_->records = records;
  entry_->read_all = read_all;
}

void LoadProgress::tick() {
  const std::uint64_t now = monotonic_ms();
  if (now < next_ms_) return;
  next_ms_ = now + kIntervalMs;
  told_ = true;
  tell(false);
}

void LoadProgress::tell(bool ended) {
  std::unique_lock lock(the_loads().mutex);
  const auto watcher = the_loads().watcher;
  LoadUnderWay load = *entry_;
  lock.unlock();
  load.ended = ended;
  if (watcher) watcher(load);
}

}  // namespace gl::zone
