// The zones that are transferred: kept up to date by a few threads, and those of catalogs come and go.
// Zones that have come are picked up by the main core, which publishes them; the rest is done here, beside it. A
// catalog may bring a hundred thousand members: under the lock no program is started, no file is read and no line is
// told. Ownership: owns its threads. Thread: begin(), start() and take_updates() by the main core, the others by any
// but a worker's. Errors: lines for the operator; a zone that cannot be had stays as it was. Sources: RFC 1034
// section 4.3.5, RFC 1035 section 3.3.13, RFC 1996, RFC 9432.
#pragma once

#include <atomic>
#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "lib/control/log.h"
#include "lib/control/transfers/keys.h"
#include "lib/control/transfers/refresh_queue.h"
#include "lib/control/transfers/secondary.h"
#include "lib/control/zones/zone_store.h"
#include "lib/transfer/catalog.h"
#include "lib/transfer/refresh.h"

namespace gl::control {

class Secondaries {
 public:
  Secondaries(const transfer::TransferSettings& settings, zone::ZoneDigests digests, const TransferKeys& keys,
              const transfer::Stop& stop);
  Secondaries(const Secondaries&) = delete;
  Secondaries& operator=(const Secondaries&) = delete;
  ~Secondaries();

  // What is on disk. `others`: zones that are served from files, in wire form.
  [[nodiscard]] Status begin(std::set<std::string> others);
  void start();
  // Returns when no thread runs any more; `stop` is set by then.
  void join();
  [[nodiscard]] std::vector<ZoneUpdate> take_updates();

  // What a primary's NOTIFY is answered with; empty: nothing. Looks at the primary soon, if that is one.
  [[nodiscard]] transfer::Message answer_notify(Bytes message, const wire::Endpoint& from);
  // A copy of each.
  [[nodiscard]] std::vector<Secondary> list() const;

 private:
  using Lock = std::unique_lock<std::mutex>;
  using Entry = RefreshQueue::Entry;
  using Level = void (*)(const std::string&, LogFields, LogPlace);
  struct Line {
    Level level;
    std::string text;
    LogFields about;
    LogPlace place;
  };
  // What was found on disk.
  struct Opened {
    std::optional<transfer::Kept> kept;
    bool expired = false;
    std::unique_ptr<zone::Zone> zone;
  };
  // What was fetched, and is good.
  struct Taken {
    std::unique_ptr<zone::Zone> zone;
    transfer::Catalog members;
  };

  [[nodiscard]] Opened open_kept(const Secondary& entry) const;
  void settle_opened(const Entry& entry, Opened opened);
  [[nodiscard]] zone::ZoneSource source_of(const Secondary& entry, const std::string& path) const;
  void place(const Entry& entry, std::unique_ptr<zone::Zone> zone);
  void place_unavailable(const Entry& entry);

  void work();
  [[nodiscard]] Entry next_due();
  void work_for(const Entry& entry, Lock& lock);
  void look(const Entry& entry, Lock& lock);
  void expire(const Entry& entry);
  [[nodiscard]] transfer::RefreshTask task_of(const Secondary& entry) const;
  [[nodiscard]] Status take_in(const Secondary& entry, transfer::Refreshed& fetched, Taken& taken) const;
  void settle(const Entry& entry, transfer::Refreshed& result, Taken taken, Lock& lock);
  void note_failure(Secondary& entry, const std::string& reason);

  using Members = std::shared_ptr<const transfer::Catalog>;
  void take_members(const Entry& catalog, transfer::Catalog members, Lock& lock);
  void adopt(const std::string& catalog, const Members& members, Lock& lock);
  bool add_member(const Entry& catalog, const std::string& zone, const transfer::CatalogMember& member);
  void remove(const std::string& zone, const std::string& why);
  [[nodiscard]] bool may_move(const Secondary& entry, const std::string& to) const;
  void tell_later(Level level, std::string text, LogFields about, LogPlace place = LogPlace::here());
  void tell(const std::vector<Line>& lines) const;

  [[nodiscard]] unsigned judge_notify(Bytes message, const wire::Endpoint& from, const std::string& key);

  const transfer::TransferSettings& settings_;
  const zone::ZoneDigests digests_;
  const TransferKeys& keys_;
  const transfer::Stop& stop_;
  std::set<std::string> others_;

  mutable std::mutex mutex_;
  std::condition_variable wake_;
  std::map<std::string, Entry> entries_;
  RefreshQueue queue_;                       // of those that are not busy
  std::uint64_t expiry_looked_at_ = 0;       // seconds since 1970
  std::map<std::string, Members> catalogs_;  // as they were read last
  std::set<std::string> conflicts_;          // members that were told to be no zones of theirs
  std::vector<Line> lines_;                  // that are told when the lock is free
  std::uint64_t told_of_notify_at_ = 0;      // monotonic milliseconds
  std::vector<std::thread> threads_;

  // The main core waits for nothing but this.
  std::mutex updates_mutex_;
  std::vector<ZoneUpdate> updates_;
};

}  // namespace gl::control
