// Zone files in, a snapshot out. A file is the text of a zone, which goldilocks-zone reads (compiler_process.h), or an
// image, which it made before.
// Ownership: the caller owns the snapshot. Thread: main core; it blocks and allocates.
// Errors: one line naming file, line and reason; then there is no snapshot.
#pragma once

#include <algorithm>
#include <cstdint>
#include <iterator>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "lib/base/result.h"

namespace gl::zone {

class ZoneSnapshot;

struct Zone;

// Whether a zone's text has to agree with the ZONEMD record in it (RFC 8976).
enum class ZoneDigests : std::uint8_t { off, check, require };  // `require`: and has to have one

// False: it is none of these three words.
[[nodiscard]] inline bool digests_from_text(std::string_view text, ZoneDigests& digests) {
  constexpr std::string_view kWords[] = {"off", "check", "require"};
  const auto* const found = std::ranges::find(kWords, text);
  if (found == std::end(kWords)) return false;
  digests = static_cast<ZoneDigests>(found - std::begin(kWords));
  return true;
}

struct ZoneSource {
  std::string path;
  std::string origin;  // presentation form; empty: the owner of the file's SOA, or its $ORIGIN
  ZoneDigests digests = ZoneDigests::check;
  bool transferred = false;  // not read from its file here, but given ready
};

// What was odd and is still served.
struct ZoneWarning {
  std::string text;  // one line
  std::string path;
  std::string origin;  // of the zone
};
struct LoadedZones {
  std::unique_ptr<const ZoneSnapshot> snapshot;
  std::vector<ZoneWarning> warnings;
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

// One zone, from its file. Any thread but a worker's.
[[nodiscard]] Result<std::unique_ptr<Zone>> load_zone(const ZoneSource& source, std::vector<std::string>& warnings);
// One that has its place, its origin, and no data. No program is started for it.
[[nodiscard]] Result<std::unique_ptr<Zone>> make_unavailable(const ZoneSource& source);

// Reads the sources for which `read` is true, each by itself: one that is refused stays as it was in `before`, and so
// does one that is not read. `ready`: instead of reading, one for each source, or none; taken from there. Any thread
// but a worker's; `before` is not changed meanwhile.
[[nodiscard]] ReloadedZones reload_zones(std::span<const ZoneSource> sources, const std::vector<bool>& read,
                                         const ZoneSnapshot& before, std::span<std::unique_ptr<Zone>> ready = {});

// `before` is what has been served until now, if anything was. A zone that says what it said there is the same object
// again, and takes no memory of its own.
[[nodiscard]] Result<LoadedZones> load_zones(std::span<const ZoneSource> sources, const ZoneSnapshot* before = nullptr);

}  // namespace gl::zone
