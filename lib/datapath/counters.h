// What one core counts. Identity: received + resumed == the sum of `verdicts`.
// Units: frames unless named otherwise. Ownership: a worker's context. Thread: that core writes, telemetry reads.
#pragma once

#include <array>
#include <cstdint>

#include "lib/base/counter.h"
#include "lib/datapath/verdict.h"

namespace gl::datapath {

#define GL_CORE_COUNTERS(X)                                                                                \
  X(received, "frames taken from the ports")                                                               \
  X(received_bytes, "bytes of them")                                                                       \
  X(resumed, "frames resumed: they waited for an answer, or came from another core")                       \
  X(sent, "frames that the ports took")                                                                    \
  X(sent_bytes, "bytes of them")                                                                           \
  X(extra_segments, "frames sent beyond the first for one received")                                       \
  X(timed_datagrams, "datagrams of a service whose deadline had passed")                                   \
  X(refused_unverified, "datagrams that an unverified sender may not draw")                                \
  X(unread, "segments lost: the service did not give their bytes")                                         \
  X(tx_full, "replies lost: the port's queue stayed full")                                                 \
  X(no_buffer, "segments lost: the core's pool was empty")                                                 \
  X(kernel_tx_full, "frames to the kernel lost: its port's queue stayed full")                             \
  X(from_kernel, "frames of the kernel sent on")                                                           \
  X(from_kernel_bytes, "bytes of them")                                                                    \
  X(from_kernel_too_long, "frames of the kernel dropped: longer than the port's MTU allows, or cut short") \
  X(from_kernel_other_mac, "frames of the kernel dropped: their source MAC is not the port's")             \
  X(fragments_dropped, "fragments kept in vain: too late, overlapping, too many, or no room")

struct CoreCounters {
#define X(name, help) Counter name;
  GL_CORE_COUNTERS(X)
#undef X
  std::array<Counter, kVerdicts> verdicts;

  [[nodiscard]] std::uint64_t verdict_sum() const noexcept {
    std::uint64_t sum = 0;
    for (const Counter& counter : verdicts) sum += counter.value();
    return sum;
  }
};

}  // namespace gl::datapath
