// What the client of a scenario asks, and in which pieces it writes it.
// Ownership: fills in the scenario. Thread: any.
#pragma once

#include "tests/sim/random.h"
#include "tests/sim/scenario.h"

namespace gl::sim {

// Some hundreds of kilobytes up to several megabytes over one connection, by a client that pipelines all the time.
void write_long_dialogue(Scenario& scenario, Random& random);
void write_dialogue(Scenario& scenario, Random& random);
// In which pieces the queries that the scenario has already are written. Of a client without timestamps those that do
// not fit are taken away.
void cut_dialogue(Scenario& scenario, Random& random);

}  // namespace gl::sim
