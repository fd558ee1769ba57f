// The zones that are published: loaded, swapped whole, and freed when no worker can see them any more.
// A load that changes no answer publishes nothing. After one that does, what was served before stays for `linger`
// seconds, so that begun answers can be finished: the snapshot right before always, older ones as long as there are few
// and they take no more memory than the current one. Zones that have not changed are shared, and cost nothing.
// Zones are read again on a thread of their own, so that the main core stays responsive. Ownership: owns the snapshots.
// Thread: main core swaps; list() also from telemetry's thread, hence a lock between the two. Errors: one line; the
// published zones then stay as they were.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "lib/base/result.h"
#include "lib/base/versions.h"
#include "lib/zone/loader.h"
#include "lib/zone/published.h"
#include "lib/zone/snapshot.h"

namespace gl::control {

// A zone that comes ready, and not from a file that is read here; null: there is no such zone any more.
struct ZoneUpdate {
  zone::ZoneSource source;  // its path tells it from others
  std::unique_ptr<zone::Zone> zone;
};

class ZoneStore {
 public:
  // `quiesce` returns when no worker holds what was published before the call.
  ZoneStore(std::vector<zone::ZoneSource> sources, std::uint32_t linger_seconds,
            std::atomic<const zone::PublishedZones*>& published, std::function<void()> quiesce);
  ZoneStore(const ZoneStore&) = delete;
  ZoneStore& operator=(const ZoneStore&) = delete;
  ~ZoneStore();

  // Reads every zone file and publishes the result; `warnings` come from the loader. `now` is in seconds, monotonic.
  [[nodiscard]] Result<std::vector<zone::ZoneWarning>> load(std::uint64_t now);
  // Begins to read again, beside the calling thread, the zones whose files have changed since they were read. False:
  // that is under way already.
  [[nodiscard]] bool begin_reload();
  // The zone of this name alone, changed or not; with or without the last dot.
  [[nodiscard]] Status begin_reload_of(const std::string& origin);
  // Begins to put these zones in the place of those before. False: something is under way already, and nothing was
  // taken.
  [[nodiscard]] bool begin_update(std::vector<ZoneUpdate>& updates);
  [[nodiscard]] bool is_reading() const noexcept { return reader_.joinable(); }
  // What became of it, once it is over, and published; nothing before.
  [[nodiscard]] std::optional<std::vector<zone::ReloadedZone>> finish_reload(std::uint64_t now);
  // Drops the zones before when they have lingered long enough.
  void tick(std::uint64_t now);

  struct ZoneInfo {
    std::string origin;
    std::string path;
    std::uint32_t serial;
    std::uint64_t records;
    std::size_t bytes;        // of memory
    std::uint64_t loaded_at;  // when its file was read last and taken: seconds since 1970
    bool refused;             // its file was read again since, and refused
  };
  // Without those that have no data.
  [[nodiscard]] std::vector<ZoneInfo> list() const;
  [[nodiscard]] const zone::ZoneSnapshot* current() const noexcept { return versions_.current(); }
  [[nodiscard]] std::uint64_t loads() const;
  // How often a load has changed an answer, the first included.
  [[nodiscard]] std::uint32_t generation() const;

 private:
  void begin(std::vector<bool> read, std::vector<std::unique_ptr<zone::Zone>> ready);
  void drop(const std::vector<bool>& gone, std::vector<std::unique_ptr<zone::Zone>>& ready);
  // What tells whether a zone's files have changed: of each its place, size and times.
  [[nodiscard]] std::string state_of(const zone::ZoneSource& source) const;
  // Those of the sources for which it is true.
  void start_reader(std::vector<bool> read);
  void note_load(const zone::ReloadedZone& zone);

  std::vector<zone::ZoneSource> sources_;  // not changed while zones are read
  mutable std::mutex mutex_;
  Versions<zone::ZoneSnapshot> versions_;
  std::uint64_t loads_ = 0;

  struct LastLoad {
    std::uint64_t at = 0;
    bool refused = false;
  };
  std::map<std::string, LastLoad> last_loads_;  // by path

  std::vector<std::string> states_;   // by source, as they were before it was read last
  std::thread reader_;                // runs between begin_reload() and finish_reload()
  std::vector<std::string> reading_;  // `states_` of what it reads
  zone::ReloadedZones reloaded_;      // the reader's until it is `done`
  std::atomic<bool> done_{false};
};

}  // namespace gl::control
