// What the control socket shows, as JSON: the same numbers as telemetry and metrics.
// Ownership: borrows. Thread: main core; each counter is exact, together they are of nearly one moment.
#pragma once

#include "lib/backend/operator_state.h"
#include "lib/base/json.h"
#include "lib/control/start/network.h"
#include "lib/control/start/workers.h"
#include "lib/control/zones/zone_store.h"
#include "lib/tcp_client/helper.h"

namespace gl::control {

struct ControlView {
  const Workers& workers;
  const Network& network;
  const ZoneStore& zones;
  const tcp_client::TcpHelper* helper;  // may be null
  backend::OperatorState* wishes;       // null where nothing is forwarded
};

// Into `answer`.
void show_status(const ControlView& view, const Json& answer);
// Texts of zones that are being read; nothing where there is none.
void show_loads(const Json& answer);
void show_counters(const ControlView& view, const Json& answer);
// With those that are being read, if any are.
void show_zones(const ControlView& view, const Json& answer);
void show_backends(const ControlView& view, const Json& answer);

}  // namespace gl::control
