// What the client of a scenario asks, and in which pieces it writes it.
// Ownership: fills in the scenario. Thread: any.
#pragma once

#include "tests/sim/random.h"
#include "tests/sim/scenario.h"

namespace gl::sim {

void write_dialogue(Scenario& scenario, Random& random);

}  // namespace gl::sim
