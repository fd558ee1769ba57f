#include "lib/worker/poll_loop.h"

#include <rte_cycles.h>
#include <rte_ethdev.h>
#include <rte_pause.h>

#include <cstring>
#include <utility>

#include "lib/base/prefetch.h"
#include "lib/service/suspender.h"
#include "lib/worker/kernel_port.h"
#include "lib/worker/look_ahead.h"
#include "lib/worker/replies.h"
#include "lib/worker/round.h"
#include "lib/worker/run_frame.h"
#include "lib/worker/rx_wait.h"
#include "lib/worker/timed_sender.h"

namespace gl::worker {

namespace {

using datapath::Verdict;

constexpr std::uint16_t kPrefetchAhead = 6;  // frames

// Headers and the place of a short answer: two cache lines.
void prefetch_frame(const rte_mbuf* mbuf) noexcept {
  const std::uint8_t* const data = rte_pktmbuf_mtod(mbuf, const std::uint8_t*);
  prefetch_for_write(data);
  prefetch_for_write(data + RTE_CACHE_LINE_SIZE);
}

constexpr unsigned kIdleRounds = 64;     // empty rounds before a worker that may sleep does
constexpr unsigned kResumedAtOnce = 64;  // frames that waited, before the ports have their turn again

void answer_burst(WorkerContext& context, PortQueue& port, rte_mbuf** mbufs, std::uint16_t count) noexcept {
  MbufSink sink = sink_of(context, port);
  std::array<rte_mbuf*, dpdk::kBurst> done;
  unsigned done_count = 0;
  std::uint64_t bytes = 0;
  // A port that is another core's memory (rings, memif) brings mbufs that are not in this core's cache.
  for (std::uint16_t i = 0; i < count; ++i) prefetch_for_write(mbufs[i]);
  if (context.services.ahead().service != nullptr) look_ahead(context.services.ahead(), {mbufs, count});
  for (std::uint16_t i = 0; i < count && i < kPrefetchAhead; ++i) prefetch_frame(mbufs[i]);
  for (std::uint16_t i = 0; i < count; ++i) {
    if (i + kPrefetchAhead < count) prefetch_frame(mbufs[i + kPrefetchAhead]);
    bytes += mbufs[i]->pkt_len;
    sink.receive(mbufs[i]);
    Verdict verdict = Verdict::drop_chained;
    if (mbufs[i]->nb_segs != 1) {
      context.pipeline.count(verdict);
    } else {
      datapath::Frame frame = frame_of(mbufs[i]);
      verdict = context.pipeline.process(frame, *port.interface, sink);
    }
    rte_mbuf* const left = sink.take_back();
    if (left == nullptr) continue;
    if (verdict == Verdict::fragment_kept) {
      keep_fragment(context, port, left);
    } else if (verdict == Verdict::to_kernel) {
      give_to_kernel(context, port, dpdk::Mbuf(left));
    } else {
      done[done_count++] = left;
    }
  }
  context.counters.received.add(count);
  context.counters.received_bytes.add(bytes);
  port.received.add(count);
  port.received_bytes.add(bytes);
  context.load.burst(count);
  sink.flush();
  rte_pktmbuf_free_bulk(done.data(), done_count);
}

void flush_ports(WorkerContext& context) noexcept {
  for (std::size_t i = 0; i < context.port_count; ++i) flush_burst(context.ports[i].out, context.counters);
}

// A frame whose answer has come goes through the stages again.
void resume_frame(WorkerContext& context, const Suspended& suspended) noexcept {
  PortQueue& port = context.ports[suspended.port];
  context.counters.resumed.add();
  dpdk::Mbuf mbuf(rte_pktmbuf_alloc(context.settings.pool));
  if (mbuf == nullptr) {
    context.pipeline.count(Verdict::drop_no_buffer);
    return;
  }
  datapath::Frame frame = frame_of(mbuf.get());
  std::memcpy(frame.data, suspended.frame.data(), suspended.frame.size());
  datapath::resume_frame(frame, suspended);
  run_frame(context, port, std::move(mbuf), frame);
}

// Without the product that would overflow after some weeks.
std::uint64_t microseconds(std::uint64_t cycles, std::uint64_t per_ms) noexcept {
  return cycles / per_ms * 1000 + cycles % per_ms * 1000 / per_ms;
}

// Before the ports are read: what comes in then has the right time, and is never too late because the core slept.
void begin_forwarding(WorkerContext& context, std::uint64_t cycles_per_ms) noexcept {
  const std::uint64_t cycles = rte_get_tsc_cycles();
  context.forwarder->tick(microseconds(cycles, cycles_per_ms));
  if (context.prober != nullptr) context.prober->tick(cycles / cycles_per_ms);
}

unsigned resume_frames(WorkerContext& context, Round& round, Suspender& keeper) noexcept {
  unsigned resumed = 0;
  for (const Suspended* suspended; resumed < kResumedAtOnce && (suspended = keeper.resume()) != nullptr; ++resumed) {
    round.begin();
    resume_frame(context, *suspended);
    keeper.release();
  }
  return resumed;
}

unsigned end_forwarding(WorkerContext& context, Round& round) noexcept {
  const unsigned resumed = resume_frames(context, round, *context.forwarder);
  flush_ports(context);  // answers of these, and what was asked of the backends in this round
  return resumed;
}

// Datagrams of this core that others have received. Costs nothing where none can be.
unsigned take_from_others(WorkerContext& context, Round& round) noexcept {
  const unsigned taken = take_handed_off(context, round);
  if (taken != 0) flush_ports(context);
  return taken;
}

// Services that ask somebody else in a way of their own.
unsigned run_suspenders(WorkerContext& context, Round& round, std::uint64_t cycles_per_ms) noexcept {
  const std::uint64_t now_us = microseconds(rte_get_tsc_cycles(), cycles_per_ms);
  unsigned resumed = 0;
  for (Suspender* const keeper : context.services.suspenders()) {
    keeper->tick(now_us);
    resumed += resume_frames(context, round, *keeper);
  }
  if (resumed != 0) flush_ports(context);
  return resumed;
}

// Services whose time has come. Costs nothing where none has deadlines.
unsigned run_deadlines(WorkerContext& context, Round& round, std::uint64_t cycles_per_ms) noexcept {
  const std::uint64_t now_ms = rte_get_tsc_cycles() / cycles_per_ms;
  if (!context.services.is_due(now_ms)) return 0;
  round.begin();
  TimedSender sender(context);
  const unsigned called = context.services.on_time(now_ms, sender);
  flush_ports(context);
  return called;
}

// Long answers whose time has come. Costs nothing where none is on its way.
unsigned run_timers(WorkerContext& context, Round& round, std::uint64_t cycles_per_ms) noexcept {
  const std::uint64_t now_ms = rte_get_tsc_cycles() / cycles_per_ms;
  unsigned turns = 0;
  for (auto due = context.pipeline.next_due(now_ms); due; due = context.pipeline.next_due(now_ms)) {
    round.begin();
    ++turns;
    context.counters.resumed.add();
    dpdk::Mbuf mbuf(rte_pktmbuf_alloc(context.settings.pool));
    if (mbuf == nullptr) {
      context.pipeline.postpone(*due, now_ms);
      context.pipeline.count(Verdict::drop_no_buffer);
      continue;
    }
    datapath::Frame frame = frame_of(mbuf.get());
    context.pipeline.write_timer_frame(*due, frame);
    run_frame(context, context.ports[context.pipeline.interface_of(*due)], std::move(mbuf), frame);
  }
  if (turns != 0) flush_ports(context);
  return turns;
}

// What has to be looked at that makes no interrupt: a core that has any of it sleeps a millisecond at most.
bool has_other_work(const WorkerContext& context) noexcept {
  return context.forwarder != nullptr || context.kernel_gate != nullptr || context.handoff.rings != nullptr ||
         !context.services.suspenders().empty() || context.services.has_deadlines() || context.pipeline.has_timers();
}

// Sleeps until a frame comes, without holding up those who wait for a quiescent state. False: time went by without one.
bool sleep_until_frame(WorkerContext& context, std::uint64_t cycles_per_ms) noexcept {
  constexpr int kLongestMs = 10;  // until the core sees that it is to stop
  rte_rcu_qsbr* const quiescent = context.shared.quiescent.get();
  context.rx_wait->arm();
  const bool came_before = poll_once(context, cycles_per_ms) != 0;
  bool woken = false;
  if (!came_before) {
    rte_rcu_qsbr_thread_offline(quiescent, context.settings.index);
    woken = context.rx_wait->wait(has_other_work(context) ? 1 : kLongestMs);
    rte_rcu_qsbr_thread_online(quiescent, context.settings.index);
    context.load.slept(woken);
  }
  context.rx_wait->disarm();
  rte_rcu_qsbr_quiescent(quiescent, context.settings.index);
  return woken || came_before;
}

}  // namespace

unsigned poll_once(WorkerContext& context, std::uint64_t cycles_per_ms) noexcept {
  std::array<rte_mbuf*, dpdk::kBurst> mbufs;
  Round round(context, cycles_per_ms);
  if (context.forwarder != nullptr) begin_forwarding(context, cycles_per_ms);
  unsigned total = 0;
  for (std::size_t i = 0; i < context.port_count; ++i) {
    PortQueue& port = context.ports[i];
    const auto queue = static_cast<std::uint16_t>(context.settings.index);
    const std::uint16_t count = rte_eth_rx_burst(port.port, queue, mbufs.data(), dpdk::kBurst);
    if (count == 0) continue;
    round.begin();
    answer_burst(context, port, mbufs.data(), count);
    total += count;
  }
  if (context.kernel_gate != nullptr) total += take_from_kernel(context, round);
  if (context.handoff.rings != nullptr) total += take_from_others(context, round);
  if (context.forwarder != nullptr) total += end_forwarding(context, round);
  if (!context.services.suspenders().empty()) total += run_suspenders(context, round, cycles_per_ms);
  if (context.services.has_deadlines()) total += run_deadlines(context, round, cycles_per_ms);
  if (context.pipeline.has_timers()) total += run_timers(context, round, cycles_per_ms);
  round.end();
  return total;
}

void poll_loop(WorkerContext& context) noexcept {
  rte_rcu_qsbr* const quiescent = context.shared.quiescent.get();
  rte_rcu_qsbr_thread_register(quiescent, context.settings.index);
  rte_rcu_qsbr_thread_online(quiescent, context.settings.index);
  const std::uint64_t cycles_per_ms = rte_get_tsc_hz() / 1000;
  unsigned idle = 0;
  context.load.start(rte_get_tsc_cycles());
  while (!context.shared.stop.load(std::memory_order_relaxed)) {
    idle = poll_once(context, cycles_per_ms) == 0 ? idle + 1 : 0;
    // Nothing published is held from here on: begin_burst() picks it up anew.
    rte_rcu_qsbr_quiescent(quiescent, context.settings.index);
    if (idle < kIdleRounds) continue;
    if (context.rx_wait != nullptr) {
      if (sleep_until_frame(context, cycles_per_ms)) idle = 0;
    } else if (context.settings.idle_sleep_us != 0) {
      rte_delay_us_sleep(context.settings.idle_sleep_us);
    }
  }
  rte_rcu_qsbr_thread_offline(quiescent, context.settings.index);
  rte_rcu_qsbr_thread_unregister(quiescent, context.settings.index);
}

}  // namespace gl::worker
