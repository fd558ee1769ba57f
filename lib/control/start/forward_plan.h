// The ways to the backends, found once at the start: routes, next hops, source ports.
// Ownership: the caller's, longer than the workers run. Thread: main core, after the ports were started: only then do
// they tell how they spread frames. Errors: one line.
#pragma once

#include <memory>

#include "lib/base/result.h"
#include "lib/control/options/settings.h"
#include "lib/control/start/network.h"
#include "lib/worker/forward_paths.h"

namespace gl::control {

// The ports' frames teach its neighbours from now on. Settles settings.forward.payload where the operator left it open.
[[nodiscard]] Result<std::unique_ptr<worker::ForwardPaths>> plan_forwarding(Settings& settings, Network& network,
                                                                            unsigned workers);

}  // namespace gl::control
