// All that one core owns. Nothing in it grows after it was made.
// Ownership: made and freed by the main core while the worker does not run. Thread: see each field.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "lib/backend/forwarder.h"
#include "lib/datapath/interface.h"
#include "lib/datapath/pipeline.h"
#include "lib/dpdk/burst.h"
#include "lib/service/registry.h"
#include "lib/tcp/responder.h"
#include "lib/worker/handoff.h"
#include "lib/worker/load.h"
#include "lib/worker/neighbour_prober.h"
#include "lib/worker/reassembly.h"
#include "lib/worker/shared.h"
#include "lib/worker/tcp_rings.h"

namespace gl::worker {

class RxWait;

inline constexpr std::size_t kMaxPorts = 8;

struct WorkerSettings {
  unsigned index = 0;  // number of its queue on every port, and of its quiescent state
  unsigned lcore = 0;
  unsigned idle_sleep_us = 0;  // 0: never sleep
  rte_mempool* pool = nullptr;
};

struct PortQueue {
  std::uint16_t port = 0;                          // written by the main core before the start, read by the worker
  const datapath::Interface* interface = nullptr;  // likewise
  dpdk::TxBurst out;                               // the worker's alone but for its counters, which any thread reads
  Counter received;                                // frames of this core by this port; the worker writes, any reads
  Counter received_bytes;                          // likewise
  std::unique_ptr<PortQueue> kernel;               // the port to the kernel beside it, or null
};

struct alignas(64) WorkerContext {
  WorkerContext(const WorkerSettings& worker_settings, const tcp::ResponderSettings& tcp, Shared& shared_state)
      : settings(worker_settings),
        shared(shared_state),
        responder(tcp, &shared_state.paths, &shared_state.long_answers),
        pipeline(services, responder, counters) {}

  // Written by the main core before the start, read by the worker.
  const WorkerSettings settings;
  Shared& shared;
  std::size_t port_count = 0;
  std::array<PortQueue, kMaxPorts> ports;
  Registry services;

  // The worker's alone.
  tcp::Responder responder;

  // The worker writes, telemetry reads the counters inside.
  alignas(64) datapath::CoreCounters counters;
  CoreLoad load;

  // Where questions are forwarded, otherwise all null. The worker's alone but for the counters inside, which telemetry
  // reads.
  std::unique_ptr<TcpRings> tcp_rings;
  std::unique_ptr<backend::BackendTx> backend_tx;
  std::unique_ptr<backend::Forwarder> forwarder;
  std::unique_ptr<NeighbourProber> prober;  // the first worker's; the others have none
  std::unique_ptr<Reassembly> reassembly;

  // The worker's alone; null where the kernel is beside no port.
  std::unique_ptr<datapath::KernelGate> kernel_gate;

  // Where an idle worker sleeps until a frame comes, otherwise null. Made by the main core before the start, then the
  // worker's alone.
  std::shared_ptr<RxWait> rx_wait;

  // To and from the other workers; without rings where no datagram belongs to another core than its receiver.
  HandoffEnd handoff;

  // What `services` names. The worker's alone but for the counters inside, which telemetry reads.
  std::vector<std::unique_ptr<Service>> own_services;

  // The worker's alone.
  datapath::Pipeline pipeline;
};

}  // namespace gl::worker
