// A secondary zone brought up to date once: is there something newer, and if so, that, written beside the kept zone.
// Units: bytes, seconds. Ownership: values; the result owns what was fetched. Thread: any but a worker's; it blocks.
// Errors: one line for all primaries that were tried. Sources: RFC 1034 section 4.3.5, RFC 5936, RFC 1995, RFC 8945.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "lib/transfer/settings.h"
#include "lib/transfer/sockets.h"
#include "lib/transfer/tsig_key.h"
#include "lib/transfer/zone_file.h"

namespace gl::transfer {

struct RefreshTask {
  std::string zone;  // in wire form
  std::vector<Peer> primaries;
  std::shared_ptr<const TsigKeys> keys;
  std::string path;                   // of the kept zone
  std::optional<std::uint32_t> held;  // its serial; absent: whatever a primary has is taken
  std::uint64_t limit = 0;            // bytes
  std::uint32_t most_seconds = 0;
};

struct Refreshed {
  enum class End : std::uint8_t { failed, current, fetched };
  End end = End::failed;
  std::string error;  // failed
  Soa soa;            // fetched
  std::string from;   // the primary that it came from
  std::string how;    // `AXFR` or `IXFR`, and how many records
  std::unique_ptr<ZoneWriter> zone;
};

[[nodiscard]] Refreshed refresh(const RefreshTask& task, const Stop& stop);

}  // namespace gl::transfer
