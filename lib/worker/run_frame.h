// One mbuf that no port brought just now (a frame that waited, a reply put together or handed off) through the stages.
// Ownership: takes the mbuf; it is sent, handed off or freed. Thread: the worker's.
#pragma once

#include "lib/worker/context.h"
#include "lib/worker/kernel_port.h"
#include "lib/worker/mbuf_sink.h"

namespace gl::worker {

[[nodiscard]] inline MbufSink sink_of(WorkerContext& context, PortQueue& port) noexcept {
  return MbufSink(port.out, context.settings.pool, context.counters, context.handoff, port.interface->index);
}

// `frame` may lie in other memory than the mbuf's.
inline void run_frame(WorkerContext& context, PortQueue& port, dpdk::Mbuf mbuf, datapath::Frame frame) noexcept {
  MbufSink sink = sink_of(context, port);
  sink.receive(mbuf.release());
  const datapath::Verdict verdict = context.pipeline.process(frame, *port.interface, sink);
  dpdk::Mbuf left(sink.take_back());
  // Only what another core received can end so, and that is in its mbuf as it came.
  if (verdict == datapath::Verdict::to_kernel && left != nullptr) give_to_kernel(context, port, std::move(left));
}

}  // namespace gl::worker
