// The zones that nobody works for, in the order in which they are due: of a hundred thousand the next one is found at
// once. Ownership: shares its entries. Thread: under the lock of who has it. Errors: none.
#pragma once

#include <chrono>
#include <memory>
#include <set>
#include <utility>

#include "lib/control/transfers/secondary.h"

namespace gl::control {

class RefreshQueue {
 public:
  using Entry = std::shared_ptr<Secondary>;
  using Time = std::chrono::steady_clock::time_point;

  // It is due then, whatever it was before.
  void put(const Entry& entry, Time due) {
    drop(entry);
    entry->due = due;
    entries_.emplace(due, entry);
  }
  void drop(const Entry& entry) { entries_.erase({entry->due, entry}); }
  // The one that has been due longest, which is no longer in here; null: none is due.
  [[nodiscard]] Entry take(Time now) {
    if (entries_.empty() || entries_.begin()->first > now) return nullptr;
    return std::move(entries_.extract(entries_.begin()).value().second);
  }
  // When the next one is due, at most `latest`.
  [[nodiscard]] Time next(Time latest) const {
    return entries_.empty() ? latest : std::min(latest, entries_.begin()->first);
  }

 private:
  std::set<std::pair<Time, Entry>> entries_;
};

}  // namespace gl::control
