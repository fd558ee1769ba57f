// Zone files in, a snapshot out. A file is the text of a zone, which goldilocks-zone reads (compiler_process.h), or an
// image, which it made before.
// Ownership: the caller owns the snapshot. Thread: main core; it blocks and allocates.
// Errors: one line naming file, line and reason; then there is no snapshot.
#pragma once

#include <cstdint>
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

// What became of one source when zones were read again.
struct ReloadedZone {
  enum class End { unread, same, changed, refused };
  End end = End::unread;
  std::string path;
  std::string origin;        // as text, where a zone is served
  std::string error;         // refused: the zone stays as it was
  std::uint32_t serial = 0;  // served from now on
  std::uint32_t before = 0;  // served until now
  std::uint64_t records = 0;
  double seconds = 0;
  std::vector<std::string> warnings;
};
struct ReloadedZones {
  std::unique_ptr<const ZoneSnapshot> snapshot;
  std::vector<ReloadedZone> zones;  // one for each source
};

// Reads the sources for which `read` is true, each by itself: one that is refused stays as it was in `before`, and so
// does one that is not read. Any thread but a worker's; `before` is not changed meanwhile.
[[nodiscard]] ReloadedZones reload_zones(std::span<const ZoneSource> sources, const std::vector<bool>& read,
                                         const ZoneSnapshot& before);

// `before` is what has been served until now, if anything was. A zone that says what it said there is the same object
// again, and takes no memory of its own.
[[nodiscard]] Result<LoadedZones> load_zones(std::span<const ZoneSource> sources, const ZoneSnapshot* before = nullptr);

}  // namespace gl::zone
