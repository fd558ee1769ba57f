// When the next hops are asked: at once and every second until they answer, then 20 seconds after each answer, first
// the neighbour alone, then everybody, and after both in vain the next hop counts as unreachable, while asking goes on.
// One that was never heard of counts as unreachable after three tries: until then what is sent to it may wait.
// Units: milliseconds of a monotonic clock. Ownership: one core's own; the table is shared. Thread: that core only.
// Sources: RFC 4861 sections 7.2.2, 7.3.3 and 10 (three tries, a second apart); RFC 1122 section 2.3.2.1.
#pragma once

#include <array>
#include <cstdint>

#include "lib/datapath/neighbours.h"

namespace gl::datapath {

class NeighbourClock {
 public:
  static constexpr std::uint64_t kFreshMs = 20'000;
  static constexpr std::uint64_t kRetryMs = 1000;
  static constexpr unsigned kTries = 3;

  enum class Ask : std::uint8_t { no, neighbour, everybody };

  // Once or more a millisecond for each entry; what is to be sent now.
  [[nodiscard]] Ask tick(NeighbourTable& table, unsigned entry, std::uint64_t now_ms) noexcept {
    Watch& watch = watches_[entry];
    const LinkState now = table.at(entry);
    if (now != watch.seen || !watch.begun) notice(watch, now, now_ms);
    if (now_ms < watch.next_ms) return Ask::no;
    watch.next_ms = now_ms + kRetryMs;
    const bool known = now.state() == LinkState::State::reachable;
    if (known && watch.tries == 2 * kTries) {
      table.give_up(entry, now);
      return Ask::everybody;
    }
    if (!known) {
      if (now.state() == LinkState::State::unresolved && watch.tries++ == kTries) table.give_up(entry, now);
      return Ask::everybody;
    }
    return watch.tries++ < kTries ? Ask::neighbour : Ask::everybody;
  }

 private:
  struct Watch {
    LinkState seen;
    std::uint64_t next_ms = 0;
    unsigned tries = 0;  // since the last answer
    bool begun = false;
  };

  // An answer begins a new time of rest; a hint is asked about at once. That we gave up ourselves changes nothing.
  static void notice(Watch& watch, LinkState now, std::uint64_t now_ms) noexcept {
    const bool answer = now.confirmations() != watch.seen.confirmations();
    const bool gave_up = now.state() == LinkState::State::unreachable;
    if (!gave_up || !watch.begun) {
      watch.next_ms = answer ? now_ms + kFreshMs : now_ms;
      watch.tries = 0;
    }
    watch.seen = now;
    watch.begun = true;
  }

  std::array<Watch, kMaxNeighbours> watches_{};
};

}  // namespace gl::datapath
