// The clients of a fleet, thousands of exchanges that overlap in time, and what they saw.
// Units: milliseconds of simulated time. Ownership: values. Thread: one. A seed decides everything.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "tests/sim/fleet.h"

namespace gl::sim {

struct FleetScene {
  const char* name;
  const char* clients;        // the scenario of scenario.h whose clients these are
  bool pieces = false;        // some clients write queries in pieces
  bool may_be_reset = false;  // also where nothing was forgotten: no key fits
  FleetSettings fleet;
};

struct FleetOutcome {
  std::uint64_t exchanges = 0;
  std::uint64_t wrong = 0;          // bytes other than the service's
  std::uint64_t failed = 0;         // stalled, or ended where they may not
  std::uint64_t forgotten = 0;      // reset where an entry is missing (docs/protocol.md), asked anew
  std::uint64_t reset = 0;          // reset since no key fits any more: of a connection older than its epoch, or clocks
  std::uint64_t closed = 0;         // between two answers, by the end of an epoch
  std::uint64_t timeouts = 0;       // retransmissions by the client's timer
  std::vector<std::uint32_t> took;  // milliseconds of each that was complete, pauses of the client included
  std::vector<std::string> reasons;  // of the first that went wrong
  FleetCounts fleet;
};

// `percent`: of packets that are lost, each way.
[[nodiscard]] FleetOutcome play(const FleetScene& scene, std::uint64_t exchanges, std::uint64_t seed, double percent);

}  // namespace gl::sim
