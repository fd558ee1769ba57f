// Later segments of clients without timestamps whose MAC fits by chance, as one in 2^11 does: nothing is sent to them.
#include <gtest/gtest.h>

#include <optional>
#include <span>
#include <vector>

#include "lib/tcp/cookie.h"
#include "lib/tcp/ledger.h"
#include "lib/tcp/responder.h"
#include "tests/unit/framed_service.h"

namespace gl::tcp {
namespace {

constexpr std::size_t kAnswer = 60000;
constexpr std::uint32_t kSegment = 1460;

// Frames as DNS has, but for the meaning of what is in them.
class OneAnswer final : public test::FramedService {
 public:
  Answer answer(Bytes, MutableBytes, const RequestContext& context) noexcept override {
    client_has = client_has || context.continuation;
    return {kind, kind == Answer::Kind::answered ? kAnswer : 0, false};
  }
  std::size_t largest_answer() const noexcept override { return kAnswer; }

  Answer::Kind kind = Answer::Kind::answered;
  bool client_has = false;  // somebody asked for the rest of an answer
};

class LateSegmentTest : public ::testing::Test {
 protected:
  void SetUp() override {
    keys.by_parity[0][0] = 1;
    keys.by_parity[1][0] = 2;
    segment.window = 65535;
    segment.flags = kAck | kPsh;
    segment.payload = payload;
    responder.begin_burst(1000, keys);
  }

  // Second queries of many clients, each of which has read its first answer and our FIN. Of those whose MAC fits, and
  // with it a place within the answer: how many got anything.
  struct Counted {
    unsigned fit = 0;
    unsigned sent = 0;
  };
  Counted play(std::uint32_t before) {
    Counted counted;
    for (std::uint32_t isn = 0; isn < (1u << 20); ++isn) {
      const SeqNum ours = make_isn(keys, segment.flow, 6, SeqNum(isn));
      segment.seq = SeqNum(isn) + 1 + 34;
      segment.ack = ours + 1 + 231 + 1;
      const auto chance = check_ack(keys, segment.flow, segment.ack, segment.seq - 1 - before);
      if (!chance || chance->ack_offset == 0 || chance->ack_offset >= kAnswer) continue;
      ++counted.fit;
      const Plan& plan = responder.handle(segment, &service);
      if (plan.count != 0) ++counted.sent;
    }
    return counted;
  }

  CookieKeys keys;
  OneAnswer service;
  Responder responder{ResponderSettings{.rst_per_second = 1'000'000}};
  Segment segment;
  std::vector<std::uint8_t> payload = {0, 4, 'q', 'u', 'e', 'r'};
};

TEST_F(LateSegmentTest, IsNotResetForHoldingNoRequest) {
  service.kind = Answer::Kind::silent;
  const Counted whole = play(0);
  const Counted behind_prefix = play(2);
  EXPECT_GT(whole.fit + behind_prefix.fit, 20u);
  EXPECT_TRUE(service.client_has);
  EXPECT_EQ(whole.sent + behind_prefix.sent, 0u);
}

TEST_F(LateSegmentTest, IsSeldomResetForAnAnswerThatCannotBeContinued) {
  service.kind = Answer::Kind::unrepeatable;
  const Counted counted = play(0);
  EXPECT_GT(counted.fit, 20u);
  EXPECT_LE(counted.sent * 8, counted.fit);
}

TEST_F(LateSegmentTest, SeldomGetsAPartOfAnAnswer) {
  const Counted counted = play(0);
  EXPECT_GT(counted.fit, 20u);
  EXPECT_LE(counted.sent * 8, counted.fit);
}

// The other side of it: what does repeat the first segment is continued wherever a part may end.
TEST_F(LateSegmentTest, RepeatedFirstOneIsContinued) {
  const SeqNum ours = make_isn(keys, segment.flow, 6, SeqNum(77));
  segment.seq = SeqNum(78);
  for (const std::uint32_t off : {kSegment, 10 * kSegment, kSegment + 64, std::uint32_t{1408}}) {
    segment.ack = ours + 1 + off;
    EXPECT_EQ(responder.handle(segment, &service).outcome, Outcome::continued) << off;
  }
}

// An echo that counts more bytes than were there before the answers: nothing may be read beside them, since the buffer
// is the core's and holds other clients' answers.
TEST(MadeUpEcho, DrawsNothingBesideTheAnswer) {
  constexpr std::uint32_t kClient = 7000;
  const std::vector<std::uint8_t> query = {0, 4, 'q', 'u', 'e', 'r'};
  for (const std::uint32_t flow_cache : {0U, 16U}) {
    for (const std::uint32_t claimed : {1000U, 20'000U, 40'000U, 58'000U, 59'999U, 60'000U, 61'000U, 90'000U}) {
      for (const std::uint32_t read : {0U, 500U, 5792U, 30'000U}) {
        Responder responder{ResponderSettings{.rst_per_second = 1'000'000, .flow_cache = flow_cache}};
        CookieKeys keys;
        OneAnswer service;
        Segment segment;
        responder.begin_burst(1000, keys);
        segment.window = 65535;
        segment.timestamps = Timestamps{100, 0};
        segment.mss = 1460;
        segment.sack_permitted = true;
        segment.flags = kSyn;
        segment.seq = SeqNum(kClient);
        const OutSegment syn = responder.handle(segment, &service).segments[0];
        segment.flags = kAck | kPsh;
        segment.payload = query;
        segment.seq = SeqNum(kClient + 1);
        segment.ack = syn.seq + 1 + read;
        const Ledger echo{claimed, static_cast<std::uint16_t>((kClient + 1 + query.size()) & kNextMask), false, false};
        segment.timestamps = Timestamps{101, echo.encode(syn.timestamps.value)};
        for (unsigned repeated = 0; repeated < 3; ++repeated) {
          const Plan& plan = responder.handle(segment, &service);
          for (const OutSegment& out : std::span(plan.segments).first(plan.count)) {
            ASSERT_LE(out.offset + out.length, kAnswer) << claimed << " " << read;
            ASSERT_EQ(plan.payload(out, {}).size(), out.length) << claimed << " " << read;
          }
          if (claimed < kAnswer && read < claimed) {
            EXPECT_EQ(plan.outcome, Outcome::reset_changed) << claimed;
          }
        }
      }
    }
  }
}

}  // namespace
}  // namespace gl::tcp
