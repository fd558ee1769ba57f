// What is known of one zone that is transferred.
// Units: `_at` in seconds since 1970 where nothing else is said. Ownership: plain values. Thread: under the lock of who
// has it, but `busy` lets one thread work for it beside that.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "lib/transfer/settings.h"
#include "lib/transfer/zone_file.h"

namespace gl::control {

struct Secondary {
  std::string zone;  // in wire form
  std::string name;  // as text
  std::string path;
  std::vector<transfer::Peer> primaries;
  bool is_catalog = false;  // not served, but its members are
  std::string catalog;      // whose member it is; empty: of none
  std::string member_id;

  bool opened = false;                 // what is on disk was looked at
  std::optional<transfer::Kept> kept;  // on disk, and not expired
  bool expired = false;                // there was something, until nobody confirmed it any more
  std::chrono::steady_clock::time_point due{};
  std::chrono::steady_clock::time_point began{};  // the last refresh
  std::uint32_t failures_in_a_row = 0;
  bool busy = false;
  bool asked_again = false;  // NOTIFY came while busy, any number of them
  bool gone = false;         // no longer ours: whoever is busy with it throws away what comes of it

  std::uint64_t transfers = 0;
  std::uint64_t failures = 0;  // of refreshes
  std::uint64_t notifies = 0;  // that were accepted
  std::string failing;         // why the last refresh failed; empty: it did not
  std::string primary;         // that answered last

  // When a NOTIFY makes it due: a primary that changes all the time, or lies, is not asked more often than that.
  [[nodiscard]] std::chrono::steady_clock::time_point soonest() const {
    constexpr std::chrono::milliseconds kLeastBetween{500};
    return began + kLeastBetween;
  }
  [[nodiscard]] bool is_expired(std::uint64_t now) const { return kept && now >= kept->expires_at(); }
  // How long from one look at the primary to the next (RFC 1035 section 3.3.13), within reason.
  [[nodiscard]] std::chrono::seconds interval() const {
    constexpr std::uint32_t kLeast = 2, kMost = 28 * 86'400, kMostWithout = 300;
    if (!kept) return std::chrono::seconds(std::min(kMostWithout, 1U << std::min(failures_in_a_row, 9U)));
    return std::chrono::seconds(std::clamp(failing.empty() ? kept->soa.refresh : kept->soa.retry, kLeast, kMost));
  }
};

}  // namespace gl::control
