#include "lib/backend/non_idempotent.h"

namespace gl::backend {

// Both walk the whole table: these requests are rare, and a kilobyte of entries that is never evicted is worth more
// than a set that may be full while others are empty.
std::uint16_t NonIdempotentRequests::find(std::uint64_t tag) const noexcept {
  for (std::size_t i = 0; i < kEntries; ++i) {
    if (entries_[i].tag == tag) return static_cast<std::uint16_t>(i);
  }
  return kNone;
}

std::uint16_t NonIdempotentRequests::enter(std::uint64_t tag, std::uint64_t now_ms, bool stream) noexcept {
  const std::size_t most = stream ? kEntries : kEntries - kEntries / 4;
  std::size_t chosen = most;
  for (std::size_t i = 0; i < most; ++i) {
    const OnceRequest& entry = entries_[i];
    if (entry.tag != 0 && (entry.in_flight() || now_ms - entry.done_ms < kRememberMs)) continue;
    // The longest done of all: a segment may wait for other answers for longer than a minute.
    if (chosen == most || entry.done_ms < entries_[chosen].done_ms) chosen = i;
    if (entry.tag == 0) {
      chosen = i;
      break;
    }
  }
  if (chosen == most) return kNone;
  entries_[chosen] = {.tag = tag};
  return static_cast<std::uint16_t>(chosen);
}

}  // namespace gl::backend
