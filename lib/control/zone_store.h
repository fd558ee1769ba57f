// The zones that are published: loaded, swapped whole, and freed when no worker can see them any more.
// After a swap the zones before it stay beside the new ones for `linger` seconds, so that begun answers can be
// finished. Ownership: owns the snapshots. Thread: main core swaps; list() also from telemetry's thread, hence a lock
// between the two. Errors: one line; the published zones then stay as they were.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "lib/base/result.h"
#include "lib/zone/loader.h"
#include "lib/zone/published.h"
#include "lib/zone/snapshot.h"

namespace gl::control {

class ZoneStore {
 public:
  // `quiesce` returns when no worker holds what was published before the call.
  ZoneStore(std::vector<zone::ZoneSource> sources, std::uint32_t linger_seconds,
            std::atomic<const zone::PublishedZones*>& published, std::function<void()> quiesce);
  ZoneStore(const ZoneStore&) = delete;
  ZoneStore& operator=(const ZoneStore&) = delete;
  ~ZoneStore();

  // Reads every zone file and publishes the result; `warnings` come from the loader. `now` is in seconds, monotonic.
  [[nodiscard]] Result<std::vector<std::string>> load(std::uint64_t now);
  // Drops the previous zones when they have lingered long enough.
  void tick(std::uint64_t now);

  struct ZoneInfo {
    std::string origin;
    std::string path;
    std::uint32_t serial;
    std::uint64_t records;
  };
  [[nodiscard]] std::vector<ZoneInfo> list() const;
  [[nodiscard]] std::uint64_t loads() const;

 private:
  void publish(zone::PublishedZones zones);

  const std::vector<zone::ZoneSource> sources_;
  const std::uint32_t linger_;
  std::atomic<const zone::PublishedZones*>& published_;
  const std::function<void()> quiesce_;
  mutable std::mutex mutex_;
  std::unique_ptr<const zone::ZoneSnapshot> current_;
  std::unique_ptr<const zone::ZoneSnapshot> previous_;
  std::unique_ptr<const zone::PublishedZones> live_;
  std::uint64_t swapped_at_ = 0;
  std::uint64_t loads_ = 0;
};

}  // namespace gl::control
