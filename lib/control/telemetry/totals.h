// Counters of one core or of all together, by name, for telemetry and for the line at the end.
// Units: as counted. Thread: any; each value is exact, together they are of nearly one moment.
#pragma once

#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

#include "lib/worker/context.h"

namespace gl::control {

using NamedCounters = std::vector<std::pair<std::string_view, std::uint64_t>>;

// Frames: what GL_CORE_COUNTERS names, `verdict_sum`, then every verdict.
[[nodiscard]] NamedCounters frame_counters(const worker::WorkerContext& context);
[[nodiscard]] NamedCounters service_counters(const Service& service);
// Null where the core has none of that name.
[[nodiscard]] const Service* find_service(const worker::WorkerContext& context, std::string_view name);
// `sum` += `more`, which has the same names.
void add_counters(NamedCounters& sum, const NamedCounters& more);

}  // namespace gl::control
