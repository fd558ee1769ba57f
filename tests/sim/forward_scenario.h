// The kinds of simulated exchanges in which the node forwards. All of one follows from the kind's name and a seed.
// Ownership: values. Thread: any.
#pragma once

#include <optional>
#include <span>
#include <string_view>

#include "tests/sim/scenario.h"

namespace gl::sim {

[[nodiscard]] std::span<const Kind> forward_kinds();
// Nothing for a name that is none of them.
[[nodiscard]] std::optional<Scenario> make_forward_scenario(std::string_view name, std::uint64_t seed);

}  // namespace gl::sim
