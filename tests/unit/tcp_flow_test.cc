// What an entry holds of the client's stream: bytes in order and out of order, its end, and what is given up once the
// answers have arrived.
#include <gtest/gtest.h>

#include <memory>
#include <numeric>
#include <string>
#include <vector>

#include "lib/tcp/soft_state/flow.h"

namespace gl::tcp {
namespace {

constexpr std::uint32_t kBase = 0xfffffff0;  // the stream wraps

class FlowTest : public ::testing::Test {
 protected:
  void SetUp() override {
    flow->begin(SeqNum(kBase));
    stream.resize(kBufferedBytes);
    std::iota(stream.begin(), stream.end(), std::uint8_t{0});
  }

  bool store(std::uint32_t begin, std::uint32_t end) {
    return flow->store(begin, Bytes(stream).subspan(begin, end - begin));
  }
  std::string islands() const {
    std::string text;
    for (std::size_t i = 0; i < flow->island_count; ++i) {
      text += std::to_string(flow->islands[i].begin) + "-" + std::to_string(flow->islands[i].end) + " ";
    }
    return text;
  }
  // What is buffered is the stream from `from` on.
  void expect_buffered(std::uint32_t bytes, std::uint32_t from = 0) const {
    ASSERT_EQ(flow->buffered, bytes);
    for (std::uint32_t i = 0; i < bytes; ++i) ASSERT_EQ(flow->queries[i], stream[from + i]) << i;
  }
  void answered(std::uint16_t query, std::uint32_t answer) {
    flow->parts[flow->count++] = {query, answer, 0};
    flow->answered = static_cast<std::uint16_t>(flow->answered + query);
    flow->answered_end += answer;
    flow->snd.sent({flow->snd.nxt(), flow->answered_end});
  }
  void acknowledge(std::uint32_t off) { flow->snd.acknowledge(off, {}, false, 1000); }

  std::unique_ptr<Flow> flow = std::make_unique<Flow>();
  std::vector<std::uint8_t> stream;
};

TEST_F(FlowTest, InOrder) {
  EXPECT_TRUE(store(0, 10));
  EXPECT_TRUE(store(10, 30));
  expect_buffered(30);
  EXPECT_EQ(flow->rcv_end(), SeqNum(kBase + 30));
  EXPECT_EQ(flow->unanswered().size(), 30u);
}

TEST_F(FlowTest, RepeatedAndOverlapping) {
  EXPECT_TRUE(store(0, 20));
  EXPECT_TRUE(store(0, 10));
  expect_buffered(20);
  EXPECT_TRUE(store(5, 40));
  expect_buffered(40);
}

TEST_F(FlowTest, OutOfOrder) {
  EXPECT_TRUE(store(20, 30));
  EXPECT_EQ(islands(), "20-30 ");
  EXPECT_TRUE(store(40, 50));
  EXPECT_TRUE(store(10, 15));
  EXPECT_EQ(islands(), "10-15 20-30 40-50 ");
  expect_buffered(0);
  EXPECT_TRUE(store(0, 10));
  expect_buffered(15);
  EXPECT_EQ(islands(), "20-30 40-50 ");
  EXPECT_TRUE(store(15, 45));
  expect_buffered(50);
  EXPECT_EQ(flow->island_count, 0);
}

TEST_F(FlowTest, IslandsThatTouchAreOne) {
  EXPECT_TRUE(store(20, 30));
  EXPECT_TRUE(store(30, 40));
  EXPECT_TRUE(store(10, 20));
  EXPECT_EQ(islands(), "10-40 ");
  EXPECT_TRUE(store(50, 60));
  EXPECT_TRUE(store(35, 55));
  EXPECT_EQ(islands(), "10-60 ");
  EXPECT_TRUE(store(15, 25));
  EXPECT_EQ(islands(), "10-60 ");
}

TEST_F(FlowTest, SoManyIslandsAreTheMost) {
  constexpr std::uint32_t kEnd = 10 + 20 * Flow::kMaxIslands;
  for (std::uint32_t at = 10; at < kEnd; at += 20) EXPECT_TRUE(store(at, at + 10));
  EXPECT_FALSE(store(kEnd, kEnd + 4));
  EXPECT_EQ(flow->island_count, Flow::kMaxIslands);
  EXPECT_TRUE(store(kEnd - 10, kEnd + 4));  // next to one that is known
  EXPECT_TRUE(store(0, kEnd - 20));
  expect_buffered(kEnd + 4);
}

TEST_F(FlowTest, AnyOrderOfSegmentsGivesTheStream) {
  for (std::uint32_t seed = 1; seed < 200; ++seed) {
    flow->begin(SeqNum(kBase));
    std::uint32_t random = seed;
    for (int i = 0; i < 2000 && flow->buffered < kBufferedBytes; ++i) {
      random = random * 1664525 + 1013904223;
      const std::uint32_t begin = (random >> 8) % kBufferedBytes;
      const std::uint32_t end = std::min<std::uint32_t>(begin + 1 + (random >> 22) % 600, kBufferedBytes);
      (void)store(begin, end);
      for (std::size_t at = 1; at < flow->island_count; ++at) {
        ASSERT_LT(flow->islands[at - 1].end, flow->islands[at].begin);
      }
      if (flow->island_count > 0) {
        ASSERT_LT(flow->buffered, flow->islands[0].begin);
      }
      if (i % 20 == 19) (void)store(0, std::min<std::uint32_t>(flow->buffered + 1u, kBufferedBytes));
    }
    expect_buffered(flow->buffered);
  }
}

TEST_F(FlowTest, NoFurtherThanTheBuffer) {
  flow->timestamps = true;
  EXPECT_TRUE(store(0, kBufferedBytes));
  expect_buffered(kBufferedBytes);
  flow->begin(SeqNum(kBase));
  EXPECT_TRUE(store(4000, kBufferedBytes));
  EXPECT_FALSE(flow->store(4000, Bytes(stream).first(97)));
  EXPECT_FALSE(flow->store(5000, Bytes(stream).first(1)));
  EXPECT_FALSE(flow->store(0xffffffff, Bytes(stream).first(2)));
}

TEST_F(FlowTest, TwiceAsMuchWithoutTimestamps) {
  flow->timestamps = false;
  EXPECT_TRUE(flow->store(0, Bytes(stream).first(kBufferedBytes)));
  EXPECT_TRUE(flow->store(kBufferedBytesPlain - 10, Bytes(stream).first(10)));
  EXPECT_FALSE(flow->store(kBufferedBytesPlain - 10, Bytes(stream).first(11)));
  EXPECT_EQ(flow->buffered, kBufferedBytes);
}

TEST_F(FlowTest, TheEndInOrder) {
  EXPECT_TRUE(store(0, 10));
  flow->end_at(10);
  EXPECT_TRUE(flow->client_fin);
}

TEST_F(FlowTest, TheEndOutOfOrder) {
  flow->end_at(30);
  EXPECT_FALSE(flow->client_fin);
  EXPECT_TRUE(store(10, 30));
  EXPECT_FALSE(flow->client_fin);
  EXPECT_TRUE(store(0, 10));
  EXPECT_TRUE(flow->client_fin);
}

TEST_F(FlowTest, TheEndMovesWithTheStream) {
  flow->synchronize(0, 0);
  EXPECT_TRUE(store(0, 10));
  flow->end_at(30);
  answered(10, 100);
  acknowledge(100);
  flow->release();
  EXPECT_FALSE(flow->client_fin);
  EXPECT_TRUE(flow->store(0, Bytes(stream).subspan(10, 20)));
  EXPECT_TRUE(flow->client_fin);
}

TEST_F(FlowTest, ReleasesWhatWasAnsweredAndHasArrived) {
  flow->synchronize(500, 500);
  flow->prefix_consumed = true;
  EXPECT_TRUE(store(0, 60));
  answered(10, 100);
  answered(20, 200);
  answered(30, 300);
  EXPECT_EQ(flow->answered, 60);
  acknowledge(599);
  flow->release();
  EXPECT_EQ(flow->count, 3);
  EXPECT_TRUE(flow->prefix_consumed);
  acknowledge(850);  // the first, the second to its half
  flow->release();
  EXPECT_EQ(flow->count, 1);
  EXPECT_EQ(flow->base, SeqNum(kBase + 30));
  EXPECT_EQ(flow->base_end, 800u);
  EXPECT_EQ(flow->answered, 30);
  EXPECT_FALSE(flow->prefix_consumed);
  EXPECT_FALSE(flow->all_arrived());
  expect_buffered(30, 30);
  acknowledge(1100);
  flow->release();
  EXPECT_EQ(flow->count, 0);
  EXPECT_EQ(flow->buffered, 0);
  EXPECT_TRUE(flow->all_arrived());
}

TEST_F(FlowTest, IslandsMoveWithTheStream) {
  flow->synchronize(0, 0);
  EXPECT_TRUE(store(0, 10));
  EXPECT_TRUE(store(20, 30));
  EXPECT_TRUE(store(40, 50));
  answered(10, 100);
  acknowledge(100);
  flow->release();
  EXPECT_EQ(islands(), "10-20 30-40 ");
  EXPECT_TRUE(flow->store(0, Bytes(stream).subspan(10, 10)));
  EXPECT_TRUE(flow->store(20, Bytes(stream).subspan(30, 10)));
  expect_buffered(40, 10);
}

TEST_F(FlowTest, TheSettledLedgerCountsWhatHasArrived) {
  flow->synchronize(500, 500);
  EXPECT_EQ(flow->settled(2), (Ledger{500, kBase & kNextMask, false, true}));
  flow->prefix_consumed = true;
  EXPECT_EQ(flow->settled(2), (Ledger{500, (kBase - 2) & kNextMask, true, true}));
}

TEST_F(FlowTest, BeginsAnew) {
  flow->synchronize(500, 500);
  EXPECT_TRUE(store(0, 10));
  EXPECT_TRUE(store(20, 30));
  flow->end_at(40);
  answered(10, 100);
  flow->fin_sent = flow->last_answered = flow->prefix_consumed = true;
  flow->begin(SeqNum(7));
  EXPECT_EQ(flow->state, FlowState::unsynchronized);
  EXPECT_EQ(flow->rcv_end(), SeqNum(7));
  EXPECT_EQ(flow->island_count, 0);
  EXPECT_EQ(flow->fin_at, 0);
  EXPECT_EQ(flow->count, 0);
  EXPECT_FALSE(flow->fin_sent || flow->last_answered || flow->prefix_consumed || flow->client_fin ||
               flow->piece_acked());
  EXPECT_FALSE(flow->snd.in_flight());
}

}  // namespace
}  // namespace gl::tcp
