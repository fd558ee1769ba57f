// What the clients counted, and how it is shown: a line a second, and the totals as text or as one line of JSON.
// Units: events; latencies in TSC cycles. Thread: the generator's core only.
#pragma once

#include <array>
#include <cstdint>
#include <cstdio>

#include "app/load/histogram.h"
#include "app/load/options.h"

namespace gl::load {

#define GL_LOAD_COUNTERS(X)                                                             \
  X(started, "exchanges begun")                                                         \
  X(completed, "exchanges that ended as they should")                                   \
  X(failed, "exchanges given up: no reply after the last try")                          \
  X(reset, "exchanges ended by a RST")                                                  \
  X(closed_early, "exchanges that the server closed before or amid an answer")          \
  X(answers, "whole and correct answers")                                               \
  X(answer_bytes, "bytes in them")                                                      \
  X(truncated, "answers with TC")                                                       \
  X(retransmitted, "segments or datagrams sent again")                                  \
  X(out_of_order, "segments that did not come in order; the server has to repeat them") \
  X(bad_checksum, "frames with a wrong TCP or UDP checksum")                            \
  X(bad_segment, "segments that acknowledge what was not sent, or make no sense")       \
  X(bad_answer, "answers to another question or of a wrong length")                     \
  X(stray, "frames for no exchange in flight")                                          \
  X(received, "frames received for the clients")                                        \
  X(no_mbuf, "frames not sent: the pool was empty")

struct Counts {
#define X(name, help) std::uint64_t name = 0;
  GL_LOAD_COUNTERS(X)
#undef X
  std::array<std::uint64_t, 16> rcode{};
};

struct Report {
  Counts counts;
  Histogram latency;  // from the first segment or datagram to the whole answer; syn: to the SYN-ACK
};

// What the rates are made of: everything up to the end of the time of full load.
struct Totals {
  double seconds = 0;
  std::uint64_t frames_sent = 0;
  std::uint64_t frames_refused = 0;
  std::uint64_t completed = 0;
  std::uint64_t answers = 0;
};

void print_second(std::FILE* to, double at, const Counts& now, const Counts& before, double seconds);
void print_totals(std::FILE* to, const Options& options, const Report& report, const Totals& totals);

}  // namespace gl::load
