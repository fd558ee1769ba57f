// Frames between cores: each pair has its own order, a full ring refuses, and what is left over is freed.
#include <gtest/gtest.h>

#include "lib/worker/handoff.h"
#include "lib/worker/mbuf_sink.h"
#include "tests/unit/eal_support.h"

namespace gl::worker {
namespace {

using namespace gl::test;

struct HandoverTest : ::testing::Test {
  std::unique_ptr<dpdk::MbufPool> pool;
  void SetUp() override {
    start_eal();
    pool = std::make_unique<dpdk::MbufPool>(make_pool(2048));
  }
  void TearDown() override { EXPECT_EQ(in_use(*pool), 0u); }
  static std::vector<Buffer> take(Handoff& handoff, unsigned to, unsigned most) {
    std::vector<Buffer> found;
    const unsigned count = handoff.take(to, most, [&](rte_mbuf* mbuf) {
      found.push_back(bytes_of(mbuf));
      rte_pktmbuf_free(mbuf);
    });
    EXPECT_EQ(count, found.size());
    return found;
  }
};

TEST_F(HandoverTest, ReachesItsCoreAndNoOther) {
  Handoff handoff(3);
  EXPECT_TRUE(handoff.give(0, 2, mbuf_of(*pool, {1})));
  EXPECT_TRUE(handoff.give(1, 2, mbuf_of(*pool, {2})));
  EXPECT_TRUE(handoff.give(1, 2, mbuf_of(*pool, {3})));
  EXPECT_TRUE(handoff.give(2, 0, mbuf_of(*pool, {4})));
  EXPECT_TRUE(take(handoff, 1, 32).empty());
  EXPECT_EQ(take(handoff, 2, 1), (std::vector<Buffer>{{1}, {2}})) << "so many of each";
  EXPECT_EQ(take(handoff, 2, 32), std::vector<Buffer>{{3}});
  EXPECT_EQ(take(handoff, 0, 32), std::vector<Buffer>{{4}});
}

TEST_F(HandoverTest, AFullRingRefusesAndKeepsTheRest) {
  Handoff handoff(2);
  rte_mbuf* const mbuf = mbuf_of(*pool, {9});
  EXPECT_FALSE(handoff.give(0, 0, mbuf)) << "to itself";
  EXPECT_FALSE(handoff.give(0, 2, mbuf)) << "to nobody";
  unsigned given = 0;
  while (handoff.give(0, 1, mbuf)) {
    rte_mbuf_refcnt_update(mbuf, 1);
    ASSERT_LE(++given, 2 * Handoff::kCapacity);
  }
  EXPECT_GE(given, Handoff::kCapacity);
  rte_pktmbuf_free(mbuf);
}

TEST_F(HandoverTest, TheSinkGivesAwayItsFrameOnce) {
  Handoff handoff(2);
  dpdk::TxBurst out;
  datapath::CoreCounters counters;
  MbufSink sink(out, pool->get(), counters, {&handoff, 0}, 5);
  sink.receive(mbuf_of(*pool, {7}));
  EXPECT_TRUE(sink.hand_off(1));
  EXPECT_EQ(sink.take_back(), nullptr);
  handoff.take(1, 32, [&](rte_mbuf* mbuf) {
    EXPECT_EQ(mbuf->port, 5) << "the interface it came through";
    rte_pktmbuf_free(mbuf);
  });
  MbufSink alone(out, pool->get(), counters);
  alone.receive(mbuf_of(*pool, {8}));
  EXPECT_FALSE(alone.hand_off(1));
  rte_pktmbuf_free(alone.take_back());
}

}  // namespace
}  // namespace gl::worker
