// Zone files in, a snapshot out. ldns is called in this folder only.
// Ownership: the caller owns the snapshot. Thread: main core; it blocks and allocates.
// Errors: one line naming file, line and reason; then there is no snapshot.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "lib/base/result.h"

namespace gl::zone {

class ZoneSnapshot;

struct ZoneSource {
  std::string path;
  std::string origin;  // presentation form; empty: the owner of the file's SOA, or its $ORIGIN
};

struct LoadedZones {
  std::unique_ptr<const ZoneSnapshot> snapshot;
  std::vector<std::string> warnings;  // one line each: what was odd and still served
};

// `before` is what has been served until now, if anything was. A zone that says what it said there is the same object
// again, and takes no memory of its own.
[[nodiscard]] Result<LoadedZones> load_zones(std::span<const ZoneSource> sources, const ZoneSnapshot* before = nullptr);

}  // namespace gl::zone
