// Connections beyond the reach of their cookie: who validates them, how far they go, and what forgetting does.
#include "lib/tcp/soft_state/long_flows.h"

#include <gtest/gtest.h>

#include <charconv>
#include <cmath>
#include <memory>
#include <random>
#include <string_view>

#include "lib/tcp/responder.h"
#include "tests/unit/framed_service.h"

namespace gl::tcp {
namespace {

FlowKey flow_of(std::uint16_t port) {
  const std::uint8_t client[4] = {192, 0, 2, 1};
  const std::uint8_t server[4] = {192, 0, 2, 53};
  return FlowKey::v4(client, server, Be16(port), Be16(53));
}

// ---- The table ----

SeqNum place(std::uint32_t isn, std::uint32_t off) {
  return SeqNum(isn) + 1 + off;
}

TEST(LongFlows, VouchesOnlyNearThePlaceItKnows) {
  LongFlows flows(64);
  EXPECT_FALSE(flows.any());
  LongFlow* const made = flows.make(flow_of(1000), SeqNum(77), 1u << 20);
  ASSERT_NE(made, nullptr);
  EXPECT_TRUE(flows.any());
  for (const std::uint32_t off : {(1u << 20) - kVouchedDistance, 1u << 20, (1u << 20) + kVouchedDistance}) {
    EXPECT_EQ(flows.find(flow_of(1000), place(77, off)), made);
    EXPECT_EQ(flows.make(flow_of(1000), SeqNum(77), off), made);
  }
  for (const std::uint32_t off : {0u, (1u << 20) - kVouchedDistance - 1, (1u << 20) + kVouchedDistance + 1}) {
    EXPECT_EQ(flows.find(flow_of(1000), place(77, off)), nullptr);
  }
  EXPECT_EQ(flows.find(flow_of(1001), place(77, 1u << 20)), nullptr);
}

TEST(LongFlows, KeepsWhoIsInUseAndLetsTheIdleGo) {
  LongFlows flows(8);  // one set
  flows.begin_burst(100'000);
  for (std::uint16_t port = 1; port <= 8; ++port) ASSERT_NE(flows.make(flow_of(port), SeqNum(port), 40000), nullptr);
  EXPECT_EQ(flows.make(flow_of(9), SeqNum(9), 40000), nullptr);
  flows.begin_burst(100'000 + kLongFlowIdleMs);
  for (std::uint16_t port = 1; port <= 8; ++port) {
    if (port != 5) flows.answered(*flows.find(flow_of(port), place(port, 40000)), 50000);
  }
  EXPECT_NE(flows.make(flow_of(9), SeqNum(9), 40000), nullptr);
  EXPECT_EQ(flows.find(flow_of(5), place(5, 40000)), nullptr);
  EXPECT_EQ(flows.make(flow_of(10), SeqNum(10), 40000), nullptr);
}

// A spoofer who hits the cookie of a long connection makes an entry of his own, and does not disturb the true one.
TEST(LongFlows, AnotherPlaceOfTheSameFlowIsAnotherEntry) {
  LongFlows flows(64);
  LongFlow* const true_one = flows.make(flow_of(1), SeqNum(5), 10u << 20);
  LongFlow* const other = flows.make(flow_of(1), SeqNum(5), 40000);
  EXPECT_NE(true_one, other);
  EXPECT_EQ(flows.find(flow_of(1), place(5, 10u << 20)), true_one);
  EXPECT_EQ(true_one->newest, 10u << 20);
}

TEST(LongFlows, NoneWithoutSpace) {
  LongFlows flows(0);
  EXPECT_EQ(flows.make(flow_of(1), SeqNum(5), 40000), nullptr);
  EXPECT_FALSE(flows.any());
}

// ---- The check of SEG.ACK ----

CookieKeys some_keys() {
  CookieKeys keys;
  keys.by_parity[0].fill(3);
  keys.by_parity[1].fill(4);
  return keys;
}

TEST(LongFlows, AcknowledgementsAreTakenAtEveryDistanceWhileTheKeyIsInUse) {
  std::mt19937 random(1);
  CookieKeys keys = some_keys();
  for (int i = 0; i < 20000; ++i) {
    keys.current = static_cast<std::uint8_t>(random() & 1);
    const FlowKey flow = flow_of(static_cast<std::uint16_t>(random()));
    const SeqNum isn = make_isn(keys, flow, static_cast<std::uint8_t>(random() % 8), std::nullopt);
    const auto off = static_cast<std::uint32_t>(random() % kLongOffsetLimit);
    const SeqNum ack = isn + 1 + off;
    LongFlows flows(8);
    EXPECT_FALSE(check_long_flow(keys, flows.find(flow, ack), ack));
    const LongFlow* const made = flows.make(flow, isn, off);
    ASSERT_EQ(flows.find(flow, ack), made);
    const auto accepted = check_long_flow(keys, made, ack);
    ASSERT_TRUE(accepted) << off;
    EXPECT_EQ(accepted->isn, isn);
    EXPECT_EQ(accepted->ack_offset, off);
    EXPECT_EQ(accepted->mss_class, isn.value() >> 29);
    EXPECT_FALSE(accepted->old_epoch);
    CookieKeys later = keys;
    later.by_parity[keys.current].fill(9);
    EXPECT_FALSE(check_long_flow(later, made, ack));
  }
}

// Who knows the ends of a long connection, and cannot see it, hits the entry with one guess in 2^14.
TEST(LongFlows, ABlindGuessIsVouchedForOnceInTwoToTheFourteenth) {
  std::mt19937_64 random(2);
  LongFlows flows(64);
  ASSERT_NE(flows.make(flow_of(4321), SeqNum(12345), 100u << 20), nullptr);
  constexpr unsigned kGuesses = 1u << 22;
  unsigned hits = 0;
  for (unsigned i = 0; i < kGuesses; ++i) {
    if (flows.find(flow_of(4321), SeqNum(static_cast<std::uint32_t>(random()))) != nullptr) ++hits;
  }
  EXPECT_NEAR(hits, kGuesses / 16384.0, 5 * std::sqrt(kGuesses / 16384.0));
}

// ---- The rules ----

// A request is a length prefix and a decimal number: the size of the answer, whose bytes count up.
class CountingService : public test::FramedService {
 public:
  Answer answer(Bytes request, MutableBytes out, const RequestContext&) noexcept override {
    std::size_t size = 0;
    const char* text = reinterpret_cast<const char*>(request.data());
    std::from_chars(text, text + request.size(), size);
    for (std::size_t i = 0; i < size; ++i) out[i] = static_cast<std::uint8_t>(i);
    return {Answer::Kind::answered, size, false};
  }
  std::size_t largest_answer() const noexcept override { return 8000; }
};

// A client that has read everything when it asks again.
class LongConnection : public ::testing::Test {
 protected:
  void SetUp() override {
    keys = some_keys();
    use(64);
    segment.flow = flow_of(2000);
    segment.timestamps = Timestamps{100, 0};
    segment.window = 65535;
    segment.mss = 1460;
    segment.seq = SeqNum(0xfffff000);
    segment.flags = kSyn;
    const Plan& plan = responder->handle(segment, &service);
    segment.seq = segment.seq + 1;
    segment.ack = plan.segments[0].seq + 1;
    segment.timestamps->echo = plan.segments[0].timestamps.value;
    isn = plan.segments[0].seq;
  }
  void use(std::uint32_t flow_cache) {
    ResponderSettings settings;
    settings.flow_cache = flow_cache;
    responder = std::make_unique<Responder>(settings);
    responder->begin_burst(now_ms, keys);
  }
  void pass(std::uint32_t ms) { responder->begin_burst(now_ms += ms, keys); }
  // Queries for answers of 7000 bytes, one or two of them in one segment; the client takes all that comes, and a FIN.
  Outcome ask(unsigned count) {
    constexpr std::string_view kTwoQueries("\0\0047000\0\0047000", 12);
    const std::string_view payload = kTwoQueries.substr(0, 6 * std::size_t{count});
    segment.flags = kAck | kPsh;
    segment.payload = Bytes(reinterpret_cast<const std::uint8_t*>(payload.data()), payload.size());
    const Plan& plan = responder->handle(segment, &service);
    take(plan);
    segment.payload = {};
    segment.flags = kAck;
    segment.seq = segment.seq + static_cast<std::uint32_t>(payload.size());
    const Outcome outcome = plan.outcome;
    if (!fin && !reset) static_cast<void>(responder->handle(segment, &service));  // the deferred ACK
    return outcome;
  }
  void take(const Plan& plan) {
    for (const OutSegment& out : std::span(plan.segments).first(plan.count)) {
      reset = reset || (out.flags & kRst) != 0;
      if (reset) return;
      ASSERT_EQ(out.seq, segment.ack);
      segment.ack = segment.ack + out.length;
      fin = fin || (out.flags & kFin) != 0;
      const std::uint32_t step = out.timestamps.value - segment.timestamps->echo;
      ASSERT_LT(step, 1u << 31);
      segment.timestamps->echo = out.timestamps.value;
    }
  }
  [[nodiscard]] std::uint32_t read() const { return segment.ack - isn - 1; }

  CookieKeys keys;
  CountingService service;
  std::unique_ptr<Responder> responder;
  Segment segment;
  SeqNum isn;
  std::uint64_t now_ms = 1000;
  bool fin = false;
  bool reset = false;
};

TEST_F(LongConnection, OfAClientThatPipelinesGoesOnAsFarAsSequenceNumbersTell) {
  while (!fin && !reset) ask(2);
  EXPECT_FALSE(reset);
  EXPECT_GT(read(), kLongOffsetLimit - 2 * 8000 - 14000);
  EXPECT_LT(read(), kLongOffsetLimit);
}

TEST_F(LongConnection, OfAClientThatAsksOneByOneAndSlowlyIsClosedWithAnAnswerAtTheCookiesLimit) {
  while (!fin && !reset) {
    pass(kQuietMs);
    ask(1);
  }
  EXPECT_FALSE(reset);
  EXPECT_GT(read(), kOffsetLimit - 2 * 8000);
  EXPECT_LT(read(), kOffsetLimit);
}

// Its kernel may have acknowledged answers that it has still to read: more queries may be on their way than show.
TEST_F(LongConnection, OfABusyClientIsClosedOnceItIsQuiet) {
  while (read() < 1'000'000) {
    pass(kQuietMs - 1);
    ask(1);
    ASSERT_FALSE(fin || reset);
  }
  pass(kQuietMs);
  ask(1);
  EXPECT_TRUE(fin);
}

TEST_F(LongConnection, OfAClientThatStopsPipeliningIsClosedSoon) {
  while (read() < 1'000'000) ask(2);
  const std::uint32_t stopped = read();
  while (!fin && !reset) {
    pass(kQuietMs);
    ask(1);
  }
  EXPECT_FALSE(reset);
  EXPECT_GT(read() - stopped, kPipeliningFades - 3 * 7000);
  EXPECT_LT(read() - stopped, kPipeliningFades + 3 * 7000);
}

TEST_F(LongConnection, IsClosedWhenItsEpochRunsOut) {
  while (read() < 1'000'000) ask(2);
  keys.current = 1;
  responder->begin_burst(2000, keys);
  ask(2);
  EXPECT_FALSE(fin);
  keys.draining = true;
  responder->begin_burst(3000, keys);
  ask(2);
  EXPECT_TRUE(fin);
}

TEST_F(LongConnection, GetsARstWhereItIsForgotten) {
  while (read() < 1'000'000) ask(2);
  use(64);
  EXPECT_EQ(ask(2), Outcome::reset_no_cookie);
}

TEST_F(LongConnection, IsNoneWithoutAFlowCache) {
  use(0);
  while (!fin && !reset) ask(2);
  EXPECT_FALSE(reset);
  EXPECT_LT(read(), kOffsetLimit);
}

// Each of several nodes has seen the connection before the limit, and may go on with it.
TEST_F(LongConnection, GoesOnAtTwoNodes) {
  std::unique_ptr<Responder> other = std::move(responder);
  use(64);
  while (read() < 1'000'000) {
    ask(2);
    ASSERT_FALSE(fin || reset);
    responder.swap(other);
  }
}

}  // namespace
}  // namespace gl::tcp
