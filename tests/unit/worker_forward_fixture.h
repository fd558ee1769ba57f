// Workers as the main core makes them, between two ports of rings; every buffer has come back when a test ends.
// Ownership: the fixture's. Thread: the test's, for all cores.
#pragma once

#include <gtest/gtest.h>
#include <rte_cycles.h>
#include <rte_eth_ring.h>
#include <rte_ring.h>

#include <memory>
#include <vector>

#include "lib/dpdk/port.h"
#include "lib/services/dns/forward.h"
#include "lib/worker/context.h"
#include "lib/worker/poll_loop.h"
#include "lib/worker/port_backend_tx.h"
#include "tests/unit/eal_support.h"
#include "tests/unit/forward_frames.h"
#include "tests/unit/forwarder_support.h"

namespace gl::worker {

using namespace gl::test;
using backend::test::query_for;
using backend::test::reply_to;
using datapath::Verdict;

inline constexpr wire::MacAddress kBackendMac{{2, 0, 0, 0, 0, 0x53}};
inline const Way kWay;

// A port of rings, two a queue: what is put in one of `ins` is received, what is sent comes out of one of `outs`.
struct RingPort {
  std::uint16_t id = 0;

  explicit RingPort(unsigned queues) {
    static unsigned number = 0;
    const std::string name = "forward" + std::to_string(number++);
    for (unsigned i = 0; i < queues; ++i) {
      ins.push_back(rte_ring_create((name + "i" + std::to_string(i)).c_str(), 64, SOCKET_ID_ANY, 0));
      outs.push_back(rte_ring_create((name + "o" + std::to_string(i)).c_str(), 64, SOCKET_ID_ANY, 0));
    }
    const int made = rte_eth_from_rings(name.c_str(), ins.data(), queues, outs.data(), queues, 0);
    EXPECT_GE(made, 0);
    id = static_cast<std::uint16_t>(made);
  }
  std::vector<rte_ring*> ins;
  std::vector<rte_ring*> outs;
};

// One worker as the main core makes it.
struct Core {
  Core(unsigned index, const backend::ForwardSettings& settings, ForwardPaths& paths, Handoff& handoff, Shared& shared,
       const datapath::Interface* interfaces, const std::vector<RingPort>& ports, rte_mempool* pool)
      : context({index, 0, 0, pool}, {}, shared) {
    for (const RingPort& port : ports) {
      PortQueue& queue = context.ports[context.port_count];
      queue.port = port.id;
      queue.interface = &interfaces[context.port_count++];
      queue.out.bind(port.id, static_cast<std::uint16_t>(index), false);
    }
    const auto queues = std::span(context.ports).first(context.port_count);
    context.backend_tx = std::make_unique<PortBackendTx>(paths, index, queues, pool, context.counters);
    context.forwarder = std::make_unique<backend::Forwarder>(settings, *context.backend_tx, nullptr, 1518);
    auto forward = std::make_unique<services::DnsForwardService>(*context.forwarder);
    context.handoff = {&handoff, index};
    context.pipeline.forward_to({context.forwarder.get(), index, &paths.ports.owners()});
    EXPECT_TRUE(context.services.add(53, *forward) && context.services.add(static_cast<Service&>(*forward)));
    context.own_services.push_back(std::move(forward));
  }
  [[nodiscard]] std::uint64_t count(Verdict verdict) const {
    return context.counters.verdicts[datapath::index(verdict)].value();
  }
  void expect_identity() const {
    EXPECT_EQ(context.counters.received.value() + context.counters.resumed.value(), context.counters.verdict_sum());
  }
  WorkerContext context;
};

struct WorkerForward : ::testing::Test {
  static constexpr unsigned kBuffers = 1023;
  std::unique_ptr<dpdk::MbufPool> pool;
  std::vector<RingPort> ports;  // clients, name servers
  std::vector<dpdk::Port> opened;
  std::array<datapath::Interface, 2> interfaces;
  backend::ForwardSettings settings = backend::test::settings_for(1);
  Shared shared{2};
  tcp::CookieKeys keys;
  std::unique_ptr<ForwardPaths> paths;
  std::unique_ptr<Handoff> handoff;
  std::vector<std::unique_ptr<Core>> cores;
  std::uint64_t cycles_per_ms = rte_get_tsc_hz() / 1000;

  void make(unsigned count) {
    start_eal();
    cycles_per_ms = rte_get_tsc_hz() / 1000;
    pool = std::make_unique<dpdk::MbufPool>(make_pool(kBuffers));
    keys.by_parity[0].fill(7);
    shared.keys = &keys;
    for (unsigned i = 0; i < 2; ++i) {
      ports.emplace_back(count);
      const std::vector<rte_mempool*> pools(count, pool->get());
      auto port = dpdk::Port::open(ports[i].id, {64, 64, 0}, pools);
      ASSERT_TRUE(port.ok()) << port.error();
      ASSERT_TRUE(port->start({}).ok());
      opened.push_back(std::move(*port));
      interfaces[i].index = static_cast<std::uint16_t>(i);
      interfaces[i].mac = kOurMac;
      ASSERT_TRUE(interfaces[i].add(kOurs4));
    }
    const std::vector<ReplyPath> replies = {{kBackend4, 53, kOurs4, {}}};
    const std::uint16_t services[] = {53};
    paths = std::make_unique<ForwardPaths>(SourcePorts(replies, count, services));
    handoff = std::make_unique<Handoff>(count);
    const unsigned next_hop = paths->neighbours.add({1, kBackend4, kOurs4}).value();
    paths->backends = {{1, kOurs4, kBackend4, 53, next_hop}};
    paths->neighbours.learn(1, kBackend4, {kBackendMac, datapath::Heard::answer});
    for (unsigned i = 0; i < count; ++i) {
      cores.push_back(
          std::make_unique<Core>(i, settings, *paths, *handoff, shared, interfaces.data(), ports, pool->get()));
    }
  }
  void TearDown() override {
    for (const auto& core : cores) core->expect_identity();
    cores.clear();
    paths.reset();
    handoff.reset();
    EXPECT_EQ(in_use(*pool), 0u) << "every buffer comes back";
    for (dpdk::Port& port : opened) port.stop();
    static auto* const kept = new std::vector<std::pair<std::unique_ptr<dpdk::MbufPool>, std::vector<dpdk::Port>>>;
    kept->emplace_back(std::move(pool), std::move(opened));
  }
  void give(unsigned port, rte_mbuf* mbuf, unsigned queue = 0) {
    ASSERT_EQ(rte_ring_enqueue(ports[port].ins[queue], mbuf), 0);
  }
  void give(unsigned port, const Buffer& frame, unsigned queue = 0) { give(port, mbuf_of(*pool, frame), queue); }
  unsigned poll(unsigned core = 0) { return poll_once(cores[core]->context, cycles_per_ms); }
  std::vector<Buffer> sent(unsigned port, unsigned queue = 0) {
    std::vector<Buffer> frames;
    void* taken = nullptr;
    while (rte_ring_dequeue(ports[port].outs[queue], &taken) == 0) {
      auto* const mbuf = static_cast<rte_mbuf*>(taken);
      frames.push_back(bytes_of(mbuf));
      rte_pktmbuf_free(mbuf);
    }
    return frames;
  }
  struct Question {
    unsigned from = 0;  // port of ours
    Buffer message{};
  };
  // The one frame that went to the name server.
  Question question(unsigned queue = 0) {
    const std::vector<Buffer> frames = sent(1, queue);
    EXPECT_EQ(frames.size(), 1u);
    if (frames.size() != 1) return {};
    const Buffer& frame = frames[0];
    const std::size_t l4_at = 14 + 20;
    EXPECT_EQ(first_of(frame, 6), Buffer(kBackendMac.bytes.begin(), kBackendMac.bytes.end()));
    EXPECT_EQ(naive_checksum({frame.begin() + 14, frame.begin() + 34}), 0u);
    EXPECT_EQ(Buffer(frame.begin() + 30, frame.begin() + 34), Buffer(kBackend4.bytes.begin(), kBackend4.bytes.end()));
    EXPECT_EQ(get16(frame, l4_at + 2), 53u);
    const Ipv4 ip{.from = kOurs4, .to = kBackend4};
    const Buffer layer4(frame.begin() + l4_at, frame.end());
    EXPECT_EQ(naive_checksum(ip.pseudo(layer4.size()) + layer4), 0u);
    return {get16(frame, l4_at), {frame.begin() + l4_at + 8, frame.end()}};
  }
  // The one datagram that went to the client.
  Buffer answer(unsigned queue = 0) {
    const std::vector<Buffer> frames = sent(0, queue);
    EXPECT_EQ(frames.size(), 1u);
    return frames.empty() ? Buffer{} : datagram_of(kWay, frames[0]);
  }
  const Buffer query = query_for("a", 0x1234);
};

}  // namespace gl::worker
