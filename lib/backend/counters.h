// What one core counts about the backends: for each of them, and for forwarding as a whole.
// Units: as named. Ownership: the forwarder's. Thread: that core writes, telemetry reads.
#pragma once

#include <array>
#include <bit>
#include <cstdint>

#include "lib/base/counter.h"

namespace gl::backend {

#define GL_BACKEND_COUNTERS(X)                                                              \
  X(sent, "questions sent over UDP, health checks included")                                \
  X(answered, "replies taken")                                                              \
  X(late, "replies to a question of theirs that is no longer in flight")                    \
  X(wrong, "replies whose address, port, ID or question is not the asked one")              \
  X(malformed, "replies that are no DNS answer, or whose records do not add up")            \
  X(timed_out, "tries that no reply came to in time")                                       \
  X(truncated, "replies with TC")                                                           \
  X(cut_short, "replies longer than asked for and than a frame: taken as if with TC")       \
  X(sent_tcp, "questions given to the TCP helper")                                          \
  X(answered_tcp, "of them, answered")                                                      \
  X(failed_tcp, "of them, failed")                                                          \
  X(unreachable, "tries not made: the next hop does not answer ARP or neighbour discovery") \
  X(no_buffer, "tries not made: the core's pool was empty, or the question is too long")    \
  X(health_sent, "health checks sent")                                                      \
  X(health_failed, "health checks without a reply")                                         \
  X(went_down, "times taken out of service")                                                \
  X(came_up, "times taken back into service")                                               \
  X(servfail, "replies with SERVFAIL")                                                      \
  X(refused, "replies with REFUSED")

#define GL_FORWARD_COUNTERS(X)                                                                 \
  X(asked_udp, "requests of clients over UDP that were forwarded")                             \
  X(asked_tcp, "the same over TCP")                                                            \
  X(answered, "of them, answered with a backend's reply")                                      \
  X(merged, "requests that joined a question in flight")                                       \
  X(served, "requests answered from the store (serve)")                                        \
  X(continued, "answers given again, unchanged")                                               \
  X(unrepeatable, "begun answers that are no longer known")                                    \
  X(retried, "questions asked again at another backend or over TCP")                           \
  X(unresolved, "TCP requests dropped until the next hop is found: right after the start")     \
  X(failed_timeout, "SERVFAIL: no backend answered in time")                                   \
  X(failed_down, "SERVFAIL: no backend of the pool is up")                                     \
  X(failed_full, "SERVFAIL: no free slot for the question, or none for the frame that waits")  \
  X(over_share, "questions of a network above --forward-share: TC over UDP, else failed_full") \
  X(failed_reply, "SERVFAIL: the backend's reply could not be passed on")                      \
  X(to_tcp, "UDP: TC at once: too long, or what is left of the tables is for TCP")             \
  X(refused, "REFUSED: transfer, UPDATE, NOTIFY as configured; a name of no pool")             \
  X(formerr, "FORMERR: not a question that can be forwarded")                                  \
  X(notimp, "NOTIMP: an opcode that is not forwarded")                                         \
  X(badvers, "BADVERS: an EDNS version beyond 0")                                              \
  X(ignored_response, "messages with QR=1, never answered")                                    \
  X(ignored_short, "datagrams shorter than a DNS header")                                      \
  X(truncated, "UDP answers with TC")                                                          \
  X(waiting, "frames suspended, ever")                                                         \
  X(resumed, "of them, resumed")                                                               \
  X(late, "replies from a backend to no question in flight, of an unknown backend")            \
  X(flushed, "times that kept answers were put out of service by the operator")

// Round trips in microseconds, by powers of two: bucket n holds [2^n, 2^(n+1)), bucket 0 also zero.
struct LatencyHistogram {
  static constexpr std::size_t kBuckets = 24;
  std::array<Counter, kBuckets> buckets;
  Counter sum;  // of all round trips
  void add(std::uint64_t microseconds) noexcept {
    const auto width = static_cast<std::size_t>(std::bit_width(microseconds | 1)) - 1;
    buckets[width < kBuckets ? width : kBuckets - 1].add();
    sum.add(microseconds);
  }
};

struct BackendCounters {
#define X(name, help) Counter name;
  GL_BACKEND_COUNTERS(X)
#undef X
  LatencyHistogram latency;
  Counter up;  // 1 or 0: as this core sees it (a gauge: add() is used modulo 2^64)
};

struct ForwardCounters {
#define X(name, help) Counter name;
  GL_FORWARD_COUNTERS(X)
#undef X
};

}  // namespace gl::backend
