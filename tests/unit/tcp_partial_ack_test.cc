// Pieces of a query that are acknowledged, at their limits: pieces of one byte, a query as long as the window, the
// longest answer. The rules themselves are golden dialogues: tests/golden/dialogues/soft_state/partial_ack*.pkt.
#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <vector>

#include "lib/tcp/ledger.h"
#include "lib/tcp/responder.h"
#include "tests/unit/framed_service.h"

namespace gl::tcp {
namespace {

// A request is a length prefix and that many bytes; all answers are as long as `size` says, and count up.
class SizedService : public test::FramedService {
 public:
  Framed next_request(Bytes stream, bool prefix_consumed) const noexcept override {
    if (prefix_consumed) return {};  // never the whole of it
    return FramedService::next_request(stream, prefix_consumed);
  }
  Answer answer(Bytes, MutableBytes out, const RequestContext& context) noexcept override {
    if (context.continuation && changed) return {Answer::Kind::unrepeatable, 0, false};
    for (std::size_t i = 0; i < size; ++i) out[i] = static_cast<std::uint8_t>(i * 7 % 251);
    return {Answer::Kind::answered, size, false};
  }
  std::size_t largest_answer() const noexcept override { return 1000; }

  std::size_t size = 100;
  bool changed = false;
};

class PartialAckTest : public ::testing::Test {
 protected:
  static constexpr std::uint32_t kClientIsn = 0xfffffff0;  // the stream wraps

  void SetUp() override {
    keys.by_parity[0][0] = 1;
    responder = std::make_unique<Responder>(ResponderSettings{.flow_cache = 4});
    responder->begin_burst(now, keys);
    segment.timestamps = Timestamps{100, 0};
    segment.window = 65535;
    segment.mss = 1460;
    segment.flags = kSyn;
    segment.seq = SeqNum(kClientIsn);
    const Plan& plan = responder->handle(segment, &service);
    isn = plan.segments[0].seq.value();
    segment.timestamps->echo = plan.segments[0].timestamps.value;
    segment.mss = 0;
  }
  // What the stream holds from `begin` on, at a later time; the client takes over the timestamp of the first reply.
  const Plan& send(std::size_t begin, std::size_t length) {
    segment.flags = kAck;
    segment.seq = SeqNum(kClientIsn + 1 + static_cast<std::uint32_t>(begin));
    segment.ack = SeqNum(isn + 1 + read);
    segment.payload = Bytes(stream).subspan(begin, length);
    segment.timestamps->value += 200;
    responder->begin_burst(now += 200, keys);
    const Plan& plan = responder->handle(segment, &service);
    if (plan.count == 0 || !plan.segments[0].has_timestamps) return plan;
    const std::uint32_t step = plan.segments[0].timestamps.value - segment.timestamps->echo;
    EXPECT_LT(step, 1u << 31) << "the client would refuse it: RFC 7323 section 5.3";
    segment.timestamps->echo = plan.segments[0].timestamps.value;
    acked = plan.segments[0].ack - SeqNum(kClientIsn + 1);
    window = plan.segments[0].window;
    return plan;
  }
  void ask_for(std::size_t length) {
    stream.assign(length, 'x');
    store_be(stream.data(), static_cast<std::uint16_t>(length - 2));
  }
  // One repetition by the client's timer.
  void get_stuck(std::size_t length) {
    EXPECT_EQ(send(0, length).outcome, Outcome::flow_kept);
    EXPECT_EQ(send(0, length).outcome, Outcome::acked_piece);
    EXPECT_EQ(acked, length);
    EXPECT_EQ(ledger(), (Ledger{0, (kClientIsn + 1) & kNextMask, false, true})) << "it stays where the query begins";
  }
  Ledger ledger() const { return Ledger::decode(segment.timestamps->echo); }

  CookieKeys keys;
  SizedService service;
  std::unique_ptr<Responder> responder;
  Segment segment;
  std::vector<std::uint8_t> stream;
  std::uint64_t now = 1000;
  std::uint32_t isn = 0;
  std::uint32_t read = 0;   // answer bytes
  std::uint32_t acked = 0;  // bytes of the client
  std::uint32_t window = 0;
};

TEST_F(PartialAckTest, ByteByByte) {
  ask_for(40);
  get_stuck(1);
  for (std::size_t at = 1; at < 39; ++at) {
    EXPECT_EQ(send(at, 1).outcome, Outcome::acked_piece);
    EXPECT_EQ(acked, at + 1);
  }
  const Plan& plan = send(39, 1);
  EXPECT_EQ(plan.outcome, Outcome::flow_answered);
  EXPECT_EQ(plan.answers->size(), 100u);
  EXPECT_EQ(acked, 40u);
}

TEST_F(PartialAckTest, AsLongAsTheWindow) {
  ask_for(4094);
  get_stuck(1400);
  EXPECT_EQ(send(1400, 1400).outcome, Outcome::acked_piece);
  EXPECT_EQ(window, 4094u - 2800u);
  EXPECT_EQ(send(2800, 1293).outcome, Outcome::acked_piece);
  EXPECT_EQ(window, 1u);
  EXPECT_EQ(send(4093, 1).outcome, Outcome::flow_answered);
  EXPECT_EQ(acked, 4094u);
  EXPECT_EQ(window, 0u);
  read = 100;
  // The window opens again, and the client is told (RFC 9293 section 3.8.6.2.2): it has nothing to repeat.
  EXPECT_EQ(send(4094, 0).count, 1);
  EXPECT_EQ(window, 4094u);
}

TEST_F(PartialAckTest, LongerThanTheWindowIsReset) {
  ask_for(4096);
  stream.resize(5000);
  EXPECT_EQ(send(0, 1).outcome, Outcome::flow_kept);
  EXPECT_EQ(send(0, 1).outcome, Outcome::acked_piece);
  EXPECT_EQ(send(1, 1400).outcome, Outcome::reset_malformed);
}

TEST_F(PartialAckTest, LargestAnswerByteForByte) {
  service.size = kMaxRenderedAnswer;
  ask_for(40);
  get_stuck(10);
  std::vector<std::uint8_t> got;
  std::vector<std::uint8_t> room(kMaxRenderedAnswer);
  const Plan* plan = &send(10, 30);
  while (got.size() < service.size && plan->count > 0) {
    for (const OutSegment& out : std::span(plan->segments).first(plan->count)) {
      const Bytes bytes = plan->payload(out, room);
      ASSERT_EQ(out.seq - SeqNum(isn + 1), got.size());
      got.insert(got.end(), bytes.begin(), bytes.end());
    }
    // The last piece is the client's to repeat until all has been sent.
    if (got.size() < service.size) {
      EXPECT_EQ(acked, 10u);
      EXPECT_EQ(ledger().sent_end, 0u);
    }
    read = static_cast<std::uint32_t>(got.size());
    plan = &send(40, 0);
  }
  ASSERT_EQ(got.size(), service.size);
  for (std::size_t i = 0; i < got.size(); ++i) ASSERT_EQ(got[i], i * 7 % 251) << i;
  EXPECT_EQ(acked, 40u);
  EXPECT_EQ(ledger(), (Ledger{kMaxRenderedAnswer, (kClientIsn + 1 + 40) & kNextMask, false, true}));
}

TEST_F(PartialAckTest, ChangedAnswerIsReset) {
  service.size = 20'000;
  ask_for(40);
  get_stuck(10);
  EXPECT_EQ(send(10, 30).outcome, Outcome::flow_answered);
  read = 1448;
  service.changed = true;
  EXPECT_EQ(send(40, 0).outcome, Outcome::reset_changed);
}

// The client's port begins anew, with the same cookie, and another node has answered the SYN.
TEST_F(PartialAckTest, AnotherConnectionFromTheSamePortIsAnswered) {
  const std::uint32_t first_echo = segment.timestamps->echo;
  ask_for(40);
  get_stuck(10);
  constexpr std::uint32_t kMoved = 1u << 20;
  segment.timestamps->echo =
      Ledger{0, static_cast<std::uint16_t>((kClientIsn + 1 + kMoved) & kNextMask), false, true}.encode(first_echo &
                                                                                                       0x80000000);
  segment.seq = SeqNum(kClientIsn + 1 + kMoved);
  segment.payload = stream;
  EXPECT_EQ(responder->handle(segment, &service).outcome, Outcome::answered);
}

// Copies that the network makes have one TSval, however late they come.
TEST_F(PartialAckTest, CopiesOfASegmentAcknowledgeNothing) {
  ask_for(40);
  for (int i = 0; i < 20; ++i) {
    EXPECT_EQ(send(0, 10).outcome, i == 0 ? Outcome::flow_kept : Outcome::acked_repeat);
    EXPECT_EQ(acked, 0u);
    segment.timestamps->value -= 200;
  }
}

// Nor do repetitions within a round trip: no timer is as fast.
TEST_F(PartialAckTest, ARepetitionWithinARoundTripAcknowledgesNothing) {
  ask_for(40);
  EXPECT_EQ(send(0, 10).outcome, Outcome::flow_kept);
  now -= 150;
  EXPECT_EQ(send(0, 10).outcome, Outcome::acked_repeat);
  EXPECT_EQ(acked, 0u);
}

TEST_F(PartialAckTest, WithoutTheEntryTheThirdRepetitionIsReset) {
  ask_for(40);
  get_stuck(10);
  responder = std::make_unique<Responder>(ResponderSettings{.flow_cache = 4});
  for (int i = 0; i < 3; ++i) EXPECT_EQ(send(10, 30).outcome, Outcome::flow_kept) << i;
  EXPECT_EQ(send(10, 30).outcome, Outcome::reset_forgotten);
}

TEST_F(PartialAckTest, WithoutACacheBytesBeyondTheLedgerAreDropped) {
  ask_for(40);
  get_stuck(10);
  responder = std::make_unique<Responder>(ResponderSettings{});
  for (int i = 0; i < 9; ++i) EXPECT_EQ(send(10, 30).outcome, Outcome::drop_beyond) << i;
}

}  // namespace
}  // namespace gl::tcp
