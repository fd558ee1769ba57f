#include "lib/control/zone_store.h"

#include <utility>

namespace gl::control {

ZoneStore::ZoneStore(std::vector<zone::ZoneSource> sources, std::uint32_t linger_seconds,
                     std::atomic<const zone::PublishedZones*>& published, std::function<void()> quiesce)
    : sources_(std::move(sources)), linger_(linger_seconds), published_(published), quiesce_(std::move(quiesce)) {}

ZoneStore::~ZoneStore() {
  published_.store(nullptr, std::memory_order_release);
}

void ZoneStore::publish(zone::PublishedZones zones) {
  auto next = std::make_unique<const zone::PublishedZones>(zones);
  published_.store(next.get(), std::memory_order_release);
  quiesce_();
  live_ = std::move(next);
}

Result<std::vector<std::string>> ZoneStore::load(std::uint64_t now) {
  auto loaded = zone::load_zones(sources_);  // slow, and nothing is held meanwhile
  if (!loaded) return Error{loaded.error()};
  const std::lock_guard lock(mutex_);
  const bool second_swap = previous_ != nullptr;
  // The oldest of three is still what workers see beside the current one: it goes after the swap.
  const auto oldest = std::exchange(previous_, std::move(current_));
  current_ = std::move(loaded->snapshot);
  publish({current_.get(), previous_.get(), second_swap});
  swapped_at_ = now;
  ++loads_;
  return std::move(loaded->warnings);
}

void ZoneStore::tick(std::uint64_t now) {
  const std::lock_guard lock(mutex_);
  if (previous_ == nullptr || now - swapped_at_ < linger_) return;
  publish({current_.get(), nullptr, false});
  previous_.reset();
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

}  // namespace gl::control
