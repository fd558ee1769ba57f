// The responder at its limits. The rules themselves, row by row, are golden dialogues: see tests/golden.
#include "lib/tcp/responder.h"

#include <gtest/gtest.h>

#include <charconv>
#include <string>
#include <vector>

#include "tests/unit/framed_service.h"

namespace gl::tcp {
namespace {

// A request is a length prefix and a decimal number: the size of the answer, whose bytes count up.
class CountingService : public test::FramedService {
 public:
  Answer answer(Bytes request, MutableBytes out, const RequestContext& context) noexcept override {
    if (context.continuation && changed) return {Answer::Kind::unrepeatable, 0, false};
    std::size_t size = 0;
    const char* text = reinterpret_cast<const char*>(request.data());
    std::from_chars(text, text + request.size(), size);
    if (size == 0) return {Answer::Kind::silent, 0, false};
    for (std::size_t i = 0; i < size; ++i) out[i] = static_cast<std::uint8_t>(i * 7);
    return {Answer::Kind::answered, size, false};
  }
  std::size_t largest_answer() const noexcept override { return largest; }

  bool changed = false;
  std::size_t largest = kMaxRenderedAnswer;
};

std::vector<std::uint8_t> query(const std::vector<std::string>& texts) {
  std::vector<std::uint8_t> bytes;
  for (const std::string& text : texts) {
    bytes.push_back(0);
    bytes.push_back(static_cast<std::uint8_t>(text.size()));
    bytes.insert(bytes.end(), text.begin(), text.end());
  }
  return bytes;
}

class ResponderTest : public ::testing::Test {
 protected:
  static constexpr std::uint32_t kClientIsn = 5000;

  void use(const ResponderSettings& settings) {
    responder = std::make_unique<Responder>(settings);
    responder->begin_burst(1000, keys);
  }
  void SetUp() override {
    keys.by_parity[0][0] = 1;
    keys.by_parity[1][0] = 2;
    use({});
  }
  const Plan& send(std::uint8_t flags, std::uint32_t seq, std::uint32_t ack) {
    segment.flags = flags;
    segment.seq = SeqNum(seq);
    segment.ack = SeqNum(ack);
    const Plan& plan = responder->handle(segment, &service);
    if (plan.count > 0 && segment.timestamps && plan.segments[0].has_timestamps) {
      segment.timestamps->echo = plan.segments[0].timestamps.value;
    }
    return plan;
  }
  void open(bool timestamps, std::uint16_t mss = 1460) {
    if (timestamps) segment.timestamps = Timestamps{100, 0};
    segment.window = 65535;
    segment.mss = mss;
    isn = send(kSyn, kClientIsn, 0).segments[0].seq.value();
    segment.mss = 0;
  }
  const Plan& ask(const std::vector<std::string>& texts, std::uint32_t client_offset = 0, std::uint32_t read = 0) {
    payload = query(texts);
    segment.payload = payload;
    const Plan& plan = send(kAck | kPsh, kClientIsn + 1 + client_offset, isn + 1 + read);
    segment.payload = {};
    return plan;
  }

  CookieKeys keys;
  CountingService service;
  std::unique_ptr<Responder> responder;
  Segment segment;
  std::vector<std::uint8_t> payload;
  std::uint32_t isn = 0;
};

TEST_F(ResponderTest, AnswersOfOneSegmentStopAt64KiB) {
  open(true);
  const Plan& plan = ask({"30000", "30000", "30000"});
  EXPECT_EQ(plan.outcome, Outcome::answered_withheld);
  EXPECT_EQ(plan.answers->size(), 60000u);
  EXPECT_EQ(plan.count, 10);
  EXPECT_EQ(Ledger::decode(segment.timestamps->echo).next, (kClientIsn + 1 + 14) & kNextMask);
  for (unsigned i = 0; i < plan.count; ++i) EXPECT_EQ(plan.segments[i].ack.value(), kClientIsn + 1);
}

TEST_F(ResponderTest, ClosesBeforeTheLedgerIsFull) {
  service.largest = 40000;
  open(true);
  std::uint32_t read = 0;
  std::uint32_t asked = 0;
  bool fin = false;
  for (int i = 0; i < 4 && !fin; ++i) {
    EXPECT_NE(ask({"40000"}, asked, read).count, 0);
    asked += 7;
    read += 40000;
    // The client reads everything: E is what it acknowledges next, and the last piece carries any FIN.
    const std::uint32_t echo = segment.timestamps->echo;
    payload = query({"40000"});
    segment.payload = payload;
    const Plan& rest = send(kAck, kClientIsn + 1 + asked - 7, isn + 1 + read - 100);
    segment.payload = {};
    segment.timestamps->echo = rest.segments[0].timestamps.value;
    EXPECT_EQ(rest.segments[0].length, 100u);
    fin = (rest.segments[0].flags & kFin) != 0;
    EXPECT_LE(Ledger::decode(echo).sent_end, kOffsetMask);
  }
  EXPECT_TRUE(fin);
  EXPECT_EQ(read, 120000u);
}

TEST_F(ResponderTest, AnswerThatFitsNoMoreClosesInsteadOfWrapping) {
  service.largest = 100;  // what was largest when the answers before were given
  open(true);
  segment.timestamps->echo = Ledger{131000, (kClientIsn + 1) & kNextMask, false, true}.encode(0);
  EXPECT_EQ(ask({"500"}, 0, 131000).outcome, Outcome::closed_full);
}

// The client has read 50 bytes of the answer that an entry began, and that is gone: a FIN would end it there.
TEST_F(ResponderTest, AnswerThatFitsNoMoreIsNotClosedInTheMiddle) {
  service.largest = 100;
  open(true);
  segment.timestamps->echo = Ledger{131000, (kClientIsn + 1) & kNextMask, false, true}.encode(0);
  EXPECT_EQ(ask({"500"}, 0, 131050).outcome, Outcome::reset_forgotten);
}

TEST_F(ResponderTest, BegunAnswerThatChangedIsReset) {
  open(true);
  EXPECT_EQ(ask({"3000"}).outcome, Outcome::answered_withheld);
  EXPECT_EQ(ask({"3000"}, 0, 1448).outcome, Outcome::continued);
  service.changed = true;
  EXPECT_EQ(ask({"3000"}, 0, 1448).outcome, Outcome::reset_changed);
}

// It looks like the last of several queries, sent again by a tail loss probe: the first of them will come.
TEST_F(ResponderTest, BegunAnswerThatShrankGetsNothing) {
  open(true);
  EXPECT_EQ(ask({"3000"}).outcome, Outcome::answered_withheld);
  EXPECT_EQ(ask({"1000"}, 0, 1448).outcome, Outcome::drop_beyond);
}

// The ledger that the client echoes may lag behind what it has read: see docs/protocol.md.
TEST_F(ResponderTest, AnswersBehindTheLedgerAreKnownToHaveArrived) {
  open(true);
  EXPECT_EQ(ask({"100", "200"}, 0, 5000).outcome, Outcome::acked_repeat);
  open(true);
  const Plan& rest = ask({"100", "200"}, 0, 130);
  EXPECT_EQ(rest.outcome, Outcome::continued);
  EXPECT_EQ(rest.segments[0].length, 170u);
}

TEST_F(ResponderTest, WindowOfTheClientIsRespected) {
  open(true);
  segment.window = 0;
  EXPECT_EQ(ask({"100"}).outcome, Outcome::drop_zero_window);
  segment.window = 99;
  const Plan& some = ask({"100"});
  EXPECT_EQ(some.outcome, Outcome::answered_withheld);
  ASSERT_EQ(some.count, 1);
  EXPECT_EQ(some.segments[0].length, 99u);
  EXPECT_EQ(some.segments[0].ack.value(), kClientIsn + 1);
}

TEST_F(ResponderTest, SegmentsAreCutToTheClientsMss) {
  for (const auto& [mss, expected] : {std::pair{1460, 1448u}, {1300, 1208u}, {536, 524u}, {300, 204u}, {9000, 1448u}}) {
    open(true, static_cast<std::uint16_t>(mss));
    EXPECT_EQ(ask({"8000"}).segments[0].length, expected) << mss;
  }
  open(true, 63);
  EXPECT_EQ(responder->handle(Segment{segment.flow, SeqNum(1), SeqNum(0), kSyn, 100, 63, {}, {}}, &service).outcome,
            Outcome::drop_mss);
}

TEST_F(ResponderTest, OldEpochIsClosedWithItsNextAnswer) {
  open(true);
  keys.current = 1;
  EXPECT_EQ(ask({"100"}).segments[0].flags & kFin, 0);
  open(true);
  keys.current = 0;
  keys.draining = true;
  const Plan& plan = ask({"100"});
  EXPECT_EQ(plan.segments[0].flags & kFin, kFin);
  // Data after our FIN is reset; the client's own FIN gets a plain ACK.
  EXPECT_EQ(ask({"100"}, 5, 101).outcome, Outcome::reset_stale);
  const Plan& closed = send(kFin | kAck, kClientIsn + 1 + 5, isn + 1 + 101);
  EXPECT_EQ(closed.outcome, Outcome::acked_fin);
  EXPECT_EQ(closed.segments[0].flags, kAck);
}

TEST_F(ResponderTest, ResetsAreRateLimited) {
  use({.rst_per_second = 3});
  open(true);
  unsigned resets = 0;
  for (int i = 0; i < 10; ++i) resets += send(kAck, 1, 12345).count;
  EXPECT_EQ(resets, 3u);
  responder->begin_burst(1500, keys);
  EXPECT_EQ(send(kAck, 1, 12345).outcome, Outcome::reset_no_cookie);
  EXPECT_EQ(send(kAck, 1, 12345).outcome, Outcome::drop_reset_limited);
  use({.rst_per_second = 0});
  EXPECT_EQ(send(kAck, 1, 12345).outcome, Outcome::drop_reset_limited);
}

TEST_F(ResponderTest, ClosedPortIsReset) {
  segment.flags = kSyn;
  segment.seq = SeqNum(9);
  const Plan& syn = responder->handle(segment, nullptr);
  EXPECT_EQ(syn.outcome, Outcome::reset_closed_port);
  EXPECT_EQ(syn.segments[0].flags, kRst | kAck);
  EXPECT_EQ(syn.segments[0].ack.value(), 10u);
  segment.flags = kAck;
  segment.ack = SeqNum(77);
  EXPECT_EQ(responder->handle(segment, nullptr).segments[0].seq.value(), 77u);
}

TEST_F(ResponderTest, FlagsThatNobodySendsAreDropped) {
  open(true);
  EXPECT_EQ(send(kSyn | kFin, 1, 0).outcome, Outcome::drop_flags);
  EXPECT_EQ(send(kSyn | kAck, 1, 1).outcome, Outcome::drop_flags);
  EXPECT_EQ(send(0, 1, 1).outcome, Outcome::drop_flags);
  EXPECT_EQ(send(kRst, kClientIsn + 1, isn + 1).outcome, Outcome::drop_rst);
  EXPECT_EQ(send(kRst | kAck, kClientIsn + 1, isn + 1).count, 0);
}

TEST_F(ResponderTest, RequestThatGetsNoAnswerIsReset) {
  open(true);
  EXPECT_EQ(ask({"0"}).outcome, Outcome::reset_malformed);
  const Plan& first = ask({"10", "0"});
  EXPECT_EQ(first.outcome, Outcome::answered);
  EXPECT_EQ(first.segments[0].ack.value(), kClientIsn + 1 + 4);
}

TEST_F(ResponderTest, StreamThatEndsInsideAQueryIsClosed) {
  open(true);
  payload = {0, 5, 'x'};
  segment.payload = payload;
  const Plan& plan = send(kAck | kFin, kClientIsn + 1, isn + 1);
  EXPECT_EQ(plan.outcome, Outcome::fin_ack);
  EXPECT_EQ(plan.segments[0].ack.value(), kClientIsn + 1 + 4);
}

// A query that waits in the cache, and is answered without it, does not come back when the 12 bits of `next` fit again.
TEST_F(ResponderTest, WhatWaitedIsNotAnsweredAgainMuchLater) {
  use({.flow_cache = 4});
  open(true);
  EXPECT_EQ(ask({"100"}, 5).outcome, Outcome::flow_kept);  // the query before it was lost
  EXPECT_EQ(ask({"100", "100", "100"}).outcome, Outcome::answered);
  payload.assign(4086, 'x');
  store_be(payload.data(), std::uint16_t{4084});
  payload[2] = '9';
  segment.payload = payload;
  EXPECT_EQ(send(kAck, kClientIsn + 1 + 15, isn + 1 + 300).outcome, Outcome::answered);
  segment.payload = {};
  const Plan& plan = send(kAck, kClientIsn + 1 + 5 + 4096, isn + 1 + 309);
  EXPECT_EQ(plan.outcome, Outcome::drop_ack_only);
  EXPECT_EQ(plan.count, 0);
}

TEST_F(ResponderTest, PiecesOfAQueryArePutTogether) {
  use({.flow_cache = 4});
  open(true);
  payload = {0, 3, '1'};
  segment.payload = payload;
  EXPECT_EQ(send(kAck, kClientIsn + 1, isn + 1).outcome, Outcome::flow_kept);
  payload = {'2', '3'};
  segment.payload = payload;
  const Plan& plan = send(kAck, kClientIsn + 1 + 3, isn + 1);
  EXPECT_EQ(plan.outcome, Outcome::flow_answered);
  EXPECT_EQ(plan.answers->size(), 123u);
  EXPECT_EQ(plan.segments[0].ack.value(), kClientIsn + 1 + 5);
}

TEST_F(ResponderTest, ImmediateAnswerThatFillsNoBurstIsSentTheReliableWay) {
  use({.immediate = true});
  open(true);
  EXPECT_FALSE(
      responder->handle(Segment{segment.flow, SeqNum(1), SeqNum(0), kSyn, 100, 1460, Timestamps{1, 0}, {}}, &service)
          .segments[0]
          .has_timestamps);
  segment.timestamps.reset();
  const Plan& small = ask({"3000"});
  EXPECT_EQ(small.count, 5);  // ACK, three of data, FIN
  EXPECT_EQ(small.segments[4].flags, kFin | kAck);
  const Plan& large = ask({"40000"});
  EXPECT_EQ(large.count, 10);
  EXPECT_EQ(large.segments[9].ack.value(), kClientIsn + 1);
}

}  // namespace
}  // namespace gl::tcp
