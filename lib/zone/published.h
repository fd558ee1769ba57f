// What the main core publishes for the workers: the zones that answer now, and those from which begun answers may be
// finished (lib/base/versions.h).
#pragma once

#include "lib/base/versions.h"

namespace gl::zone {

class ZoneSnapshot;

using PublishedZones = Published<ZoneSnapshot>;
// So many snapshots before the current one are kept at most.
inline constexpr std::size_t kMaxKept = kMaxKeptVersions;

}  // namespace gl::zone
