// What cores cost one another: on each lcore a worker and its clients take turns over rings of their own, and the
// workers share only what those of the real program share. Nothing else runs, so two cores do twice as much as one
// unless they wait for one another's cache lines. Units: seconds, exchanges a second. Ownership: borrows all it is
// given. Thread: called on the main core; it uses every lcore. Errors: one line.
#pragma once

#include "app/load/bench_server.h"
#include "app/load/options.h"
#include "app/load/queries.h"
#include "lib/base/result.h"

namespace gl::load {

struct ManyCores {
  unsigned turns;             // each: every lcore alone, then more and more of them at once
  const volatile bool& stop;  // ends it early
};

// A line for each measurement on standard output: which lcores, what each did in a second, and in a second of its
// thread's CPU time, which other processes on that CPU do not shorten.
[[nodiscard]] Status measure_many_cores(const ManyCores& how, const Options& options, const Queries& queries,
                                        BenchState& state);

// The clients of `options` use the port, and find their server behind it.
void meet_at(Options& options, std::uint16_t port, const wire::MacAddress& server);

}  // namespace gl::load
