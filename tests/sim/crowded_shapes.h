// Kinds of scenarios whose clients do all that TCP allows, over paths with a round trip, with an entry of soft state.
// Ownership: fill in the scenario. Thread: any.
#pragma once

#include "tests/sim/random.h"
#include "tests/sim/scenario.h"

namespace gl::sim {

void round_trips(Scenario& scenario, Random& random);
void round_trips_no_timestamps(Scenario& scenario, Random& random);
void round_trips_loss(Scenario& scenario, Random& random);
void round_trips_gone(Scenario& scenario, Random& random);
void no_timestamps_cache(Scenario& scenario, Random& random);
void no_timestamps_gone(Scenario& scenario, Random& random);

}  // namespace gl::sim
