// The zones that are transferred: kept up to date by a few threads, and those of catalogs come and go.
// Zones that have come are picked up by the main core, which publishes them; the rest is done here, beside it.
// Ownership: owns its threads. Thread: begin(), start() and take_updates() by the main core, the others by any but a
// worker's. Errors: lines for the operator; a zone that cannot be had stays as it was.
// Sources: RFC 1034 section 4.3.5, RFC 1035 section 3.3.13, RFC 1996, RFC 9432.
#pragma once

#include <atomic>
#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "lib/control/transfers/keys.h"
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
  using Entry = std::shared_ptr<Secondary>;

  void open_kept(const Entry& entry);
  [[nodiscard]] zone::ZoneSource source_of(const Secondary& entry, const std::string& path) const;
  void place(const Entry& entry, std::unique_ptr<zone::Zone> zone);

  void work();
  [[nodiscard]] Entry next_due();
  void look(const Entry& entry, Lock& lock);
  void expire(const Entry& entry, Lock& lock);
  [[nodiscard]] transfer::RefreshTask task_of(const Secondary& entry) const;
  [[nodiscard]] Status take_in(const Secondary& entry, transfer::Refreshed& fetched,
                               std::unique_ptr<zone::Zone>& zone) const;
  void settle(const Entry& entry, transfer::Refreshed& result, std::unique_ptr<zone::Zone> zone);
  void note_failure(Secondary& entry, const std::string& reason);

  void read_members(const Entry& catalog);
  void adopt(const std::string& catalog, const transfer::Catalog& members);
  void add_member(const Entry& catalog, const std::string& zone, const transfer::CatalogMember& member);
  void remove(const std::string& zone, const std::string& why);
  [[nodiscard]] bool may_move(const Secondary& entry, const std::string& to) const;

  [[nodiscard]] unsigned judge_notify(Bytes message, const wire::Endpoint& from, const std::string& key);

  const transfer::TransferSettings& settings_;
  const zone::ZoneDigests digests_;
  const TransferKeys& keys_;
  const transfer::Stop& stop_;
  std::set<std::string> others_;

  mutable std::mutex mutex_;
  std::condition_variable wake_;
  std::map<std::string, Entry> entries_;
  std::map<std::string, transfer::Catalog> catalogs_;  // as they were read last
  std::set<std::string> conflicts_;                    // members that were told to be no zones of theirs
  std::vector<ZoneUpdate> updates_;
  std::uint64_t told_of_notify_at_ = 0;  // monotonic milliseconds
  std::vector<std::thread> threads_;
};

}  // namespace gl::control
