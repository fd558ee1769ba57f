// /goldilocks/... in rte_telemetry, readable with dpdk-telemetry.py.
// Ownership: borrows; from the destructor on the commands answer nothing. Thread: made and destroyed on the main core,
// answers come from telemetry's own thread.
#pragma once

#include "lib/control/start/network.h"
#include "lib/control/start/workers.h"
#include "lib/control/zones/zone_store.h"
#include "lib/tcp_client/helper.h"

namespace gl::control {

class TapWriter;
class Transfers;

class Telemetry {
 public:
  // `helper` may be null: nothing goes to backends over TCP.
  Telemetry(const Workers& workers, const Network& network, const ZoneStore& zones, const Transfers& transfers,
            const tcp_client::TcpHelper* helper = nullptr, const TapWriter* tap = nullptr);
  Telemetry(const Telemetry&) = delete;
  Telemetry& operator=(const Telemetry&) = delete;
  ~Telemetry();
};

}  // namespace gl::control
