// The zones that are served at the moment, as those who give them out or tell of them need to know them.
// Byte order: names in wire form, lower case. Ownership: values. Thread: any. Errors: none.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "lib/transfer/record.h"
#include "lib/zone/snapshot.h"

namespace gl::control {

struct ServedZone {
  transfer::Record soa;
  std::uint32_t serial = 0;
  std::string name;  // as text
  std::string path;
  bool transferred = false;  // a secondary's: its file has one record a line
};
using ServedZoneMap = std::map<std::string, ServedZone>;

[[nodiscard]] ServedZoneMap served_zones(const zone::ZoneSnapshot& snapshot);

class ServedZones {
 public:
  void set(ServedZoneMap zones) {
    auto next = std::make_shared<const ServedZoneMap>(std::move(zones));
    const std::lock_guard lock(mutex_);
    zones_.swap(next);
  }
  [[nodiscard]] std::shared_ptr<const ServedZoneMap> get() const {
    const std::lock_guard lock(mutex_);
    return zones_;
  }

 private:
  mutable std::mutex mutex_;
  std::shared_ptr<const ServedZoneMap> zones_ = std::make_shared<const ServedZoneMap>();
};

}  // namespace gl::control
