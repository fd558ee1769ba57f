// All about zone transfers, in and out: what the main core has of it, and one more thread that carries letters
// (NOTIFY). Ownership: owns its threads, borrows settings and the cores' doors. Thread: main core; list() from any but
// a worker's. Errors: one line from what can fail at start.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <set>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include "lib/control/transfers/keys.h"
#include "lib/control/transfers/notifier.h"
#include "lib/control/transfers/secondaries.h"
#include "lib/control/transfers/served_zones.h"
#include "lib/control/transfers/transfer_server.h"
#include "lib/control/zones/zone_store.h"
#include "lib/services/dns/notify_door.h"

namespace gl::control {

using NotifyDoors = std::vector<std::shared_ptr<services::NotifyDoor>>;

// One a core, or none where nothing is transferred.
[[nodiscard]] NotifyDoors make_doors(const transfer::TransferSettings& settings, std::size_t cores);

class Transfers {
 public:
  Transfers(const transfer::TransferSettings& settings, zone::ZoneDigests digests, const NotifyDoors& doors);
  Transfers(const Transfers&) = delete;
  Transfers& operator=(const Transfers&) = delete;
  ~Transfers();

  // Keys, sockets, and what is on disk, which `zones` then serves.
  [[nodiscard]] Status begin(ZoneStore& zones);
  void start();
  // Some times a second: zones that have come begin to be served. True: something has begun.
  [[nodiscard]] bool begin_update(ZoneStore& zones);
  // What is served is another since.
  void served(const ZoneStore& zones);
  // SIGHUP: the key files are read again.
  void reload();

  [[nodiscard]] std::vector<Secondary> list() const { return secondaries_.list(); }
  struct Totals {
    std::uint64_t given = 0;    // zones, whole
    std::uint64_t refused = 0;  // requests for one
    std::uint64_t notifies_answered = 0;
    std::uint64_t notifies_given_up = 0;
  };
  [[nodiscard]] Totals totals() const;

 private:
  void carry_letters();

  const transfer::TransferSettings& settings_;
  const NotifyDoors& doors_;
  transfer::Stop stop_{false};
  TransferKeys keys_;
  ServedZones served_;
  Secondaries secondaries_;
  mutable std::mutex mutex_;
  Notifier notifier_;
  TransferServer server_;
  std::vector<ZoneUpdate> updates_;  // that could not be begun with yet
  std::thread thread_;
};

}  // namespace gl::control
