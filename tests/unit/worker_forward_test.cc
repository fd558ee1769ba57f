// The poll loop with a name server behind: a client's frame in, a question out of the other port, its reply in, the
// answer out; and no buffer is lost, whatever happens.
#include <gtest/gtest.h>
#include <rte_cycles.h>
#include <rte_eth_ring.h>
#include <rte_ring.h>

#include <memory>
#include <vector>

#include "lib/dpdk/port.h"
#include "lib/worker/backend_link.h"
#include "lib/worker/context.h"
#include "lib/worker/poll_loop.h"
#include "tests/unit/eal_support.h"
#include "tests/unit/forward_frames.h"
#include "tests/unit/forwarder_support.h"

namespace gl::worker {
namespace {

using namespace gl::test;
using backend::test::query_for;
using backend::test::reply_to;
using datapath::Verdict;

constexpr wire::MacAddress kBackendMac{{2, 0, 0, 0, 0, 0x53}};
const Way kWay;

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
  Core(unsigned index, const backend::ForwardSettings& settings, ForwardPaths& paths, Shared& shared,
       const datapath::Interface* interfaces, const std::vector<RingPort>& ports, rte_mempool* pool)
      : context({index, 0, 0, pool}, {}, {}, shared) {
    for (const RingPort& port : ports) {
      PortQueue& queue = context.ports[context.port_count];
      queue.port = port.id;
      queue.interface = &interfaces[context.port_count++];
      queue.out.bind(port.id, static_cast<std::uint16_t>(index), false);
    }
    const auto queues = std::span(context.ports).first(context.port_count);
    context.link = std::make_unique<BackendLink>(paths, index, queues, pool, context.counters);
    context.forwarder = std::make_unique<backend::Forwarder>(settings, *context.link, nullptr, 1518);
    context.forward = std::make_unique<service::DnsForwardService>(*context.forwarder);
    context.router = std::make_unique<service::DnsRouter>(context.dns, *context.forward);
    context.handover = {&paths.handover, index};
    context.pipeline.forward_to({context.forwarder.get(), index, &paths.ports.owners()});
    EXPECT_TRUE(context.services.add(53, *context.router));
  }
  [[nodiscard]] std::uint64_t count(Verdict verdict) const {
    return context.counters.verdicts[datapath::index(verdict)].value();
  }
  void expect_identity() const {
    EXPECT_EQ(context.counters.received.value() + context.counters.taken_up.value(), context.counters.verdict_sum());
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
    paths = std::make_unique<ForwardPaths>(SourcePorts(replies, count, services), count);
    const unsigned next_hop = paths->neighbours.add({1, kBackend4, kOurs4}).value();
    paths->backends = {{1, kOurs4, kBackend4, 53, next_hop}};
    paths->neighbours.learn(1, kBackend4, {kBackendMac, datapath::Heard::answer});
    for (unsigned i = 0; i < count; ++i) {
      cores.push_back(std::make_unique<Core>(i, settings, *paths, shared, interfaces.data(), ports, pool->get()));
    }
  }
  void TearDown() override {
    for (const auto& core : cores) core->expect_identity();
    cores.clear();
    paths.reset();
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

TEST_F(WorkerForward, AQuestionOutAndItsAnswerBack) {
  make(1);
  give(0, udp_to_us(kWay, query));
  EXPECT_EQ(poll(), 1u);
  EXPECT_TRUE(sent(0).empty());
  EXPECT_EQ(in_use(*pool), 1u) << "the question, in its ring: who waits has no buffer";
  const Question asked = question();
  EXPECT_EQ(poll(), 0u);
  give(1, reply_to_us(kWay, reply_to(asked.message, 7), asked.from));
  EXPECT_EQ(poll(), 2u) << "the reply, and the frame that waited";
  EXPECT_EQ(answer(), reply_to(query, 7));
  EXPECT_TRUE(sent(1).empty());
  EXPECT_EQ(cores[0]->count(Verdict::udp_parked), 1u);
  EXPECT_EQ(cores[0]->count(Verdict::backend_reply_taken), 1u);
  EXPECT_EQ(cores[0]->count(Verdict::udp_reply), 1u);
  EXPECT_EQ(cores[0]->context.counters.taken_up.value(), 1u);
  EXPECT_EQ(cores[0]->context.counters.sent.value(), 2u);
}

TEST_F(WorkerForward, SilenceEndsInServfail) {
  settings.timeout_ms = 5;
  settings.tries = 1;
  make(1);
  give(0, udp_to_us(kWay, query));
  EXPECT_EQ(poll(), 1u);
  EXPECT_FALSE(question().message.empty());
  std::vector<Buffer> frames;
  for (unsigned i = 0; i < 1000 && frames.empty(); ++i) {
    rte_delay_us_block(1000);
    poll();
    frames = sent(0);
  }
  ASSERT_EQ(frames.size(), 1u);
  const Buffer told = datagram_of(kWay, frames[0]);
  ASSERT_GE(told.size(), 12u);
  EXPECT_EQ(get16(told, 0), 0x1234u);
  EXPECT_EQ(told[3] & 0xf, 2);
}

TEST_F(WorkerForward, AFrameOfSeveralBuffersIsDropped) {
  make(1);
  rte_mbuf* const head = mbuf_of(*pool, udp_to_us(kWay, query));
  ASSERT_EQ(rte_pktmbuf_chain(head, mbuf_of(*pool, Buffer(100, 1))), 0);
  give(0, head);
  EXPECT_EQ(poll(), 1u);
  EXPECT_EQ(cores[0]->count(Verdict::drop_chained), 1u);
  EXPECT_EQ(cores[0]->context.counters.verdict_sum(), 1u);
  EXPECT_TRUE(sent(0).empty());
  EXPECT_TRUE(sent(1).empty());
}

// Who waited finds no buffer: it is counted, and its repetition is answered.
TEST_F(WorkerForward, NoBufferForWhoWaited) {
  settings.serve_s = 60;
  make(1);
  give(0, udp_to_us(kWay, query));
  poll();
  const Question asked = question();
  give(1, reply_to_us(kWay, reply_to(asked.message, 7), asked.from));
  rte_mbuf* const repeated = mbuf_of(*pool, udp_to_us(kWay, query));
  std::vector<rte_mbuf*> all;
  while (rte_mbuf* const mbuf = rte_pktmbuf_alloc(pool->get())) all.push_back(mbuf);
  // The reply's own buffer would do: it is kept away as well.
  rte_mbuf* const held = [&] {
    void* first = nullptr;
    EXPECT_EQ(rte_ring_dequeue(ports[1].ins[0], &first), 0);
    return static_cast<rte_mbuf*>(first);
  }();
  rte_mbuf_refcnt_update(held, 1);
  give(1, held);
  EXPECT_EQ(poll(), 2u);
  EXPECT_EQ(cores[0]->count(Verdict::drop_no_buffer), 1u);
  EXPECT_TRUE(sent(0).empty());
  rte_pktmbuf_free(held);
  rte_pktmbuf_free_bulk(all.data(), static_cast<unsigned>(all.size()));
  give(0, repeated);
  EXPECT_EQ(poll(), 1u);
  EXPECT_EQ(answer(), reply_to(query, 7));
}

TEST_F(WorkerForward, NoBufferForTheQuestion) {
  make(1);
  rte_mbuf* const asks = mbuf_of(*pool, udp_to_us(kWay, query));
  std::vector<rte_mbuf*> all;
  while (rte_mbuf* const mbuf = rte_pktmbuf_alloc(pool->get())) all.push_back(mbuf);
  give(0, asks);
  EXPECT_EQ(poll(), 1u);
  EXPECT_TRUE(sent(1).empty());
  rte_pktmbuf_free_bulk(all.data(), static_cast<unsigned>(all.size()));
  EXPECT_EQ(cores[0]->context.forwarder->counters(0).no_buffer.value(), 1u);
  EXPECT_EQ(answer().at(3) & 0xf, 2) << "SERVFAIL, in the buffer of the query";
}

// Both cores on this thread: the reply comes to the one that did not ask.
TEST_F(WorkerForward, AReplyThatComesToAnotherCore) {
  make(2);
  for (unsigned asking = 0; asking < 2; ++asking) {
    const unsigned other = 1 - asking;
    const Buffer asks = query_for(asking == 0 ? "a" : "b", 0x1234);
    give(0, udp_to_us(kWay, asks), asking);
    EXPECT_EQ(poll(asking), 1u);
    const Question asked = question(asking);
    EXPECT_EQ(asked.from % 2, asking);
    give(1, reply_to_us(kWay, reply_to(asked.message, 7), asked.from), other);
    EXPECT_EQ(poll(other), 1u);
    EXPECT_EQ(cores[other]->count(Verdict::backend_handed_over), 1u);
    EXPECT_TRUE(sent(0, other).empty());
    EXPECT_EQ(poll(asking), 2u) << "the reply handed over, and the frame that waited";
    EXPECT_EQ(answer(asking), reply_to(asks, 7));
    EXPECT_EQ(cores[asking]->context.counters.taken_up.value(), 2u);
  }
}

TEST_F(WorkerForward, AFullRingBetweenTwoCores) {
  make(2);
  const Buffer reply = reply_to(query, 7);
  std::uint64_t given = 0;
  while (cores[0]->count(Verdict::drop_handover_full) == 0) {
    give(1, reply_to_us(kWay, reply, 2001));
    EXPECT_EQ(poll(0), 1u);
    ASSERT_LE(++given, 2 * Handover::kCapacity);
  }
  EXPECT_EQ(cores[0]->count(Verdict::backend_handed_over), given - 1);
  while (poll(1) != 0) {
  }
  EXPECT_EQ(cores[1]->count(Verdict::drop_backend_late), given - 1);
}

}  // namespace
}  // namespace gl::worker
