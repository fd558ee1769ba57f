// What the client of a scenario asks, and in which pieces it writes it.
// Ownership: fills in the scenario. Thread: any.
#pragma once

#include "tests/sim/random.h"
#include "tests/sim/scenario.h"

namespace gl::sim {

// Some hundreds of kilobytes up to several megabytes over one connection, by a client that pipelines all the time.
void write_long_dialogue(Scenario& scenario, Random& random);
// More queries than our window holds, with answers of any size.
void write_crowded_dialogue(Scenario& scenario, Random& random);
void write_dialogue(Scenario& scenario, Random& random);
// In which pieces the queries that the scenario has already are written. Of a client whose queries have to fit
// one segment those that do not are taken away.
void cut_dialogue(Scenario& scenario, Random& random);

}  // namespace gl::sim
