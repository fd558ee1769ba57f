// What the TCP helper counts.
// Units: as named. Ownership: the helper's. Thread: its thread writes, telemetry reads.
#pragma once

#include "lib/base/counter.h"

namespace gl::tcp_client {

#define GL_TCP_HELPER_COUNTERS(X)                                          \
  X(jobs, "questions taken from the cores")                                \
  X(answered, "of them, answered")                                         \
  X(refused, "no connection, or it ended before the reply did")            \
  X(timed_out, "not answered in time, connected or not")                   \
  X(malformed, "the reply was not that question's, or no DNS")             \
  X(too_long, "transfers beyond what one reply may hold")                  \
  X(opened, "connections begun")                                           \
  X(reused, "questions asked over a connection that had answered another") \
  X(stale, "of them, asked again: the backend had closed that connection") \
  X(closed_idle, "connections ended after a while without a question")     \
  X(bytes_sent, "bytes written to connections, length prefixes included")  \
  X(bytes_received, "bytes read from connections, length prefixes included")

struct TcpHelperCounters {
#define X(name, help) Counter name;
  GL_TCP_HELPER_COUNTERS(X)
#undef X
};

}  // namespace gl::tcp_client
