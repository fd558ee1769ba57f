// One simulated exchange from the SYN to its end, and what was wrong with it.
// Ownership: values. Thread: any; nothing is shared. Units: milliseconds of simulated time.
#pragma once

#include <cstdint>
#include <string>

#include "tests/sim/scenario.h"

namespace gl::sim {

// two_versions: parts of two answers, which a node that had forgotten the first could not know (docs/forwarding.md).
enum class End : std::uint8_t { complete, closed_early, reset, two_versions, failed };

struct Verdict {
  End end = End::failed;
  std::string failure;  // one line; empty unless `failed`
  unsigned timeouts = 0;
  std::uint64_t took_ms = 0;
  std::uint64_t packets = 0;
};

// With `trace` the exchange is written there as a packetdrill dialogue.
[[nodiscard]] Verdict run(const Scenario& scenario, std::string* trace = nullptr);

}  // namespace gl::sim
