// What the main core publishes for the workers: the zones that answer now, and those from which begun answers may be
// finished. Ownership: the main core owns the snapshots and frees them after a quiescent state. Thread: published by
// one atomic pointer, immutable afterwards.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace gl::zone {

class ZoneSnapshot;

// So many snapshots before the current one are kept at most.
inline constexpr std::size_t kMaxKept = 4;

struct PublishedZones {
  const ZoneSnapshot* current = nullptr;
  // Served until less than `--linger` seconds ago: the newest first, without a gap, null behind the last.
  std::array<const ZoneSnapshot*, kMaxKept> kept{};
  // The generation that was served `--linger` seconds ago. What is as old as that, or older, was the same bytes for
  // whoever has begun to read it since.
  std::uint32_t settled = UINT32_MAX;
};

}  // namespace gl::zone
