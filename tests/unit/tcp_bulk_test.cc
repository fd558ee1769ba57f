// Long answers: the table of them, the cookie that carries a window scale, and a sender with a timer of its own. What
// becomes of them on real networks, tests/sim and tests/netns show.
#include <gtest/gtest.h>

#include <numeric>
#include <set>
#include <vector>

#include "lib/tcp/bulk/bulk_table.h"
#include "lib/tcp/responder.h"
#include "lib/wire/tcp_options.h"
#include "tests/unit/framed_service.h"

namespace gl::tcp {
namespace {

FlowKey key_of(std::uint16_t port) {
  const std::array<std::uint8_t, 4> client = {192, 0, 2, 1};
  const std::array<std::uint8_t, 4> server = {192, 0, 2, 53};
  return FlowKey::v4(client.data(), server.data(), Be16(port), Be16(80));
}

TEST(BulkTable, FindsWhatItHolds) {
  BulkPresence presence;
  BulkTable table(100, &presence);
  table.begin_burst(1000);
  std::set<std::uint16_t> held;
  std::uint32_t random = 1;
  for (unsigned step = 0; step < 20'000; ++step) {
    random = random * 1664525 + 1013904223;
    const auto port = static_cast<std::uint16_t>(random >> 16 & 0xff);
    BulkFlow* const found = table.find(key_of(port));
    ASSERT_EQ(found != nullptr, held.contains(port)) << step;
    if (found != nullptr) {
      ASSERT_TRUE(same_flow(found->key, key_of(port)));
      table.evict(*found);
      held.erase(port);
    } else if (BulkFlow* const made = table.make(key_of(port)); made != nullptr) {
      made->heard_ms = made->moved_ms = 1000;
      held.insert(port);
    } else {
      ASSERT_EQ(held.size(), 100U);
    }
    ASSERT_EQ(table.used(), held.size());
  }
}

TEST(BulkTable, AQuietClientMakesRoom) {
  BulkPresence presence;
  BulkTable table(2, &presence);
  table.begin_burst(50'000);
  for (const std::uint16_t port : {std::uint16_t{1}, std::uint16_t{2}}) {
    BulkFlow* const flow = table.make(key_of(port));
    flow->heard_ms = flow->moved_ms = 50'000;
  }
  EXPECT_EQ(table.make(key_of(3)), nullptr);
  table.begin_burst(50'000 + kBulkQuietMs);
  table.find(key_of(1))->heard_ms = 50'000 + kBulkQuietMs;
  EXPECT_NE(table.make(key_of(3)), nullptr);
  EXPECT_NE(table.find(key_of(1)), nullptr);
  EXPECT_EQ(table.find(key_of(2)), nullptr);
}

TEST(BulkTable, EachIsDueOnce) {
  BulkPresence presence;
  BulkTable table(8, &presence);
  const std::uint32_t start = 0xffffff00u;  // the clock's 32 bits begin anew on the way
  table.begin_burst(start);
  EXPECT_FALSE(table.next_due(start));
  std::vector<std::uint32_t> at(8);
  for (std::uint16_t i = 0; i < 8; ++i) {
    BulkFlow* const flow = table.make(key_of(i));
    at[table.index_of(*flow)] = start + 41u * (i + 1u);
    table.schedule(*flow, start + 41u * (i + 1u));
  }
  std::vector<unsigned> turns(8, 0);
  for (std::uint32_t now = start; now != start + 400; ++now) {
    while (const auto due = table.next_due(now)) {
      EXPECT_EQ(at[*due], now);
      ++turns[*due];
    }
  }
  EXPECT_EQ(turns, std::vector<unsigned>(8, 1));
  EXPECT_FALSE(table.next_deadline());
}

TEST(ScalingCookie, CarriesClassAndShift) {
  CookieKeys keys;
  keys.by_parity[0].fill(1);
  keys.by_parity[1].fill(2);
  for (std::uint8_t shift = 0; shift <= 14; ++shift) {
    for (std::uint8_t mss = 0; mss < kMssClasses.size(); ++mss) {
      keys.current = mss & 1;
      const FlowKey flow = key_of(static_cast<std::uint16_t>(shift * 8 + mss + 1));
      const std::uint8_t peer = with_shift(mss, shift);
      EXPECT_EQ(mss_of(peer), kMssClasses[mss]);
      EXPECT_LE(shift_of(peer), shift);
      EXPECT_TRUE(shift < 6 || shift_of(peer) + 4 >= shift);
      const SeqNum isn = make_isn(keys, flow, peer, std::nullopt, CookieForm::scaling);
      for (const std::uint32_t offset : {0u, 1u, 70'000u, kOffsetLimit}) {
        const auto accepted = check_ack<CookieForm::scaling>(keys, flow, isn + 1 + offset, std::nullopt);
        ASSERT_TRUE(accepted);
        EXPECT_EQ(accepted->isn, isn);
        EXPECT_EQ(accepted->ack_offset, offset);
        EXPECT_EQ(accepted->mss_class, peer);
      }
      EXPECT_FALSE(check_ack<CookieForm::scaling>(keys, flow, isn, std::nullopt));
    }
  }
  EXPECT_EQ(shift_of(with_shift(3, wire::kNoWindowScale)), 0);
}

TEST(WindowScale, IsReadAndWritten) {
  wire::TcpOptions options;
  options.mss = 1460;
  options.window_scale = 0;
  options.sack_permitted = true;
  options.timestamps = wire::TcpTimestamps{1, 2};
  std::array<std::uint8_t, wire::kMaxWrittenTcpOptions> bytes{};
  const std::size_t length = wire::write_tcp_options(options, bytes.data());
  EXPECT_EQ(length, wire::written_length(options));
  const auto read = wire::parse_tcp_options(Bytes(bytes).first(length));
  ASSERT_TRUE(read);
  EXPECT_EQ(read->window_scale, 0);
  EXPECT_TRUE(read->sack_permitted);
  const std::array<std::uint8_t, 3> wide = {3, 3, 200};
  EXPECT_EQ(wire::parse_tcp_options(wide)->window_scale, wire::kMostWindowScale);
  const std::array<std::uint8_t, 4> wrong = {3, 4, 7, 0};
  EXPECT_FALSE(wire::parse_tcp_options(wrong));
}

// Whatever is asked for gets `length` bytes that count up.
class LongService : public test::FramedService {
 public:
  Answer answer(Bytes, MutableBytes, const RequestContext& context) noexcept override {
    Answer answer{context.any_length ? Answer::Kind::answered : Answer::Kind::malformed, length, true};
    answer.rendered = false;
    return answer;
  }
  std::size_t read(const Answer&, std::uint64_t offset, MutableBytes out) noexcept override {
    std::iota(out.begin(), out.end(), static_cast<std::uint8_t>(offset));
    return out.size();
  }
  bool has_long_answers() const noexcept override { return true; }
  bool still_has(const Answer&) const noexcept override { return has; }
  std::size_t largest_answer() const noexcept override { return 1000; }

  std::uint64_t length = 100'000'000'000;
  bool has = true;
};

class LongAnswer : public ::testing::Test {
 protected:
  void SetUp() override {
    ResponderSettings settings;
    settings.bulk_flows = 2;
    responder = std::make_unique<Responder>(settings);
    at(1000);
    segment.flow = key_of(7);
    segment.timestamps = Timestamps{100, 0};
    segment.mss = 1460;
    segment.window = 65535;
    segment.window_scale = 10;
    const Plan& plan = send(kSyn, kClient, 0);
    ASSERT_EQ(plan.count, 1);
    ASSERT_TRUE(plan.segments[0].window_scale);
    first = plan.segments[0].seq + 1;
    segment.mss = 0;
  }
  void at(std::uint64_t ms) { responder->begin_burst(ms, keys); }
  const Plan& send(std::uint8_t flags, std::uint32_t seq, std::uint32_t ack) {
    segment.flags = flags;
    segment.seq = SeqNum(seq);
    segment.ack = SeqNum(ack);
    const Plan& plan = responder->handle(segment, &service);
    if (plan.count > 0 && plan.segments[0].has_timestamps) segment.timestamps->echo = plan.segments[0].timestamps.value;
    return plan;
  }
  const Plan& ask(std::uint16_t window) {
    segment.window = window;
    segment.payload = request;
    const Plan& plan = send(kAck | kPsh, kClient + 1, first.value());
    segment.payload = {};
    return plan;
  }
  const Plan& ack(std::uint64_t offset) {
    return send(kAck, kClient + 1 + static_cast<std::uint32_t>(request.size()),
                first.value() + static_cast<std::uint32_t>(offset));
  }
  const Plan& timer() {
    Segment due;
    due.flow = segment.flow;
    due.timer = true;
    return responder->handle(due, &service);
  }

  static constexpr std::uint32_t kClient = 5000;
  static constexpr std::uint32_t kMss = 1448;
  CookieKeys keys;
  LongService service;
  std::unique_ptr<Responder> responder;
  Segment segment;
  const std::vector<std::uint8_t> request = {0, 1, 'x'};
  SeqNum first;
};

TEST_F(LongAnswer, BeginsWithTenSegmentsAndGrows) {
  const Plan& begun = ask(500);  // half a MB
  EXPECT_EQ(begun.outcome, Outcome::bulk_begun);
  ASSERT_EQ(begun.count, 10);
  EXPECT_EQ(begun.segments[0].ack, SeqNum(kClient + 1));  // the request stays with the client
  std::array<std::uint8_t, kMss> room{};
  const Bytes third = begun.payload(begun.segments[2], room);
  ASSERT_EQ(third.size(), kMss);
  EXPECT_EQ(third[0], static_cast<std::uint8_t>(2 * kMss));
  EXPECT_EQ(ack(2 * kMss).count, 4);  // slow start
  EXPECT_EQ(ack(4 * kMss).outcome, Outcome::bulk_sent);
}

TEST_F(LongAnswer, KeepsToTheWindow) {
  EXPECT_EQ(ask(2).count, 1);  // 2048 bytes, with the shift
  EXPECT_EQ(ack(0).count, 0);
}

TEST_F(LongAnswer, TheTimerSendsAgainAndGivesUp) {
  ASSERT_EQ(ask(500).count, 10);
  unsigned sent = 0;
  unsigned resets = 0;
  for (std::uint64_t ms = 1000; ms < 200'000 && resets == 0; ++ms) {
    if (!responder->next_due(ms)) continue;
    at(ms);
    const Plan& plan = timer();
    if (plan.outcome == Outcome::reset_bulk_silent) {
      ++resets;
      EXPECT_GE(ms, 121'000U);
      continue;
    }
    EXPECT_EQ(plan.outcome, Outcome::bulk_resent);
    ASSERT_EQ(plan.count, 1);
    EXPECT_EQ(plan.segments[0].seq, first);
    ++sent;
  }
  EXPECT_EQ(resets, 1U);
  EXPECT_GE(sent, 8U);
  EXPECT_LE(sent, 14U);  // the timer backs off
  EXPECT_EQ(ack(0).outcome, Outcome::reset_forgotten);
}

// Beyond 2^32 bytes: sequence numbers come round, TSval goes on.
TEST_F(LongAnswer, SequenceNumbersComeRound) {
  constexpr std::uint64_t kEnough = 4'400'000'000;
  std::uint64_t offset = 10 * kMss;
  std::uint32_t stamp = ask(65535).segments[0].timestamps.value;
  for (unsigned i = 0; i < 1'000'000 && offset < kEnough; ++i) {
    const Plan& plan = ack(offset);
    ASSERT_GT(plan.count, 0) << offset;
    for (const OutSegment& out : std::span(plan.segments).first(plan.count)) {
      ASSERT_EQ(out.seq, first + static_cast<std::uint32_t>(offset));
      ASSERT_GE(static_cast<std::int32_t>(out.timestamps.value - stamp), 0);
      stamp = out.timestamps.value;
      std::array<std::uint8_t, kMss> room{};
      ASSERT_EQ(plan.payload(out, room)[0], static_cast<std::uint8_t>(offset));
      offset += out.length;
    }
  }
  EXPECT_GE(offset, kEnough);
}

TEST_F(LongAnswer, EndsWithWhatItCannotRead) {
  ASSERT_EQ(ask(500).count, 10);
  service.has = false;
  const Plan& plan = ack(kMss);
  EXPECT_EQ(plan.outcome, Outcome::reset_changed);
  EXPECT_EQ(plan.segments[0].seq, first + kMss);
}

TEST_F(LongAnswer, ASpoofedSynOrResetEndsNothing) {
  ASSERT_EQ(ask(500).count, 10);
  EXPECT_EQ(send(kRst, kClient + 100, 0).outcome, Outcome::drop_rst);
  const std::uint32_t echo = segment.timestamps->echo;
  const Plan& challenge = send(kSyn, 77, 0);
  EXPECT_EQ(challenge.outcome, Outcome::bulk_acked);
  EXPECT_EQ(challenge.segments[0].flags, kAck);
  segment.timestamps->echo = echo;
  EXPECT_EQ(ack(kMss).outcome, Outcome::bulk_sent);
  EXPECT_EQ(send(kRst, kClient + 4, 0).outcome, Outcome::drop_bulk_aborted);
}

// A core that does not have it, beside one that does, and after that has ended it.
TEST_F(LongAnswer, AnotherCoreDoesNotResetIt) {
  BulkPresence presence;
  ResponderSettings settings;
  settings.bulk_flows = 2;
  Responder other(settings, nullptr, &presence);
  other.begin_burst(1000, keys);
  responder = std::make_unique<Responder>(settings, nullptr, &presence);
  at(1000);
  ASSERT_EQ(ask(500).count, 10);
  segment.flags = kAck;
  segment.seq = SeqNum(kClient + 1 + static_cast<std::uint32_t>(request.size()));
  for (const std::uint32_t offset : {kMss, 1u << 20}) {
    segment.ack = first + offset;
    EXPECT_EQ(other.handle(segment, &service).outcome, Outcome::drop_bulk_elsewhere);
  }
  EXPECT_EQ(send(kRst, kClient + 4, 0).outcome, Outcome::drop_bulk_aborted);
  segment.flags = kAck;
  segment.ack = first + kMss;
  EXPECT_EQ(other.handle(segment, &service).outcome, Outcome::reset_forgotten);
}

TEST_F(LongAnswer, TheRequestIsAcknowledgedAByteAtATime) {
  ASSERT_EQ(ask(10).count, 7);
  for (unsigned i = 0; i < 6; ++i) {
    segment.payload = request;
    const Plan& plan = send(kAck | kPsh, kClient + 1, first.value());
    segment.payload = {};
    ASSERT_EQ(plan.count, 1);
    EXPECT_EQ(plan.segments[0].ack, SeqNum(kClient + 1 + (i + 1) / 3));
  }
}

// iPXE: no ACK leaves it while bytes of its own are not acknowledged.
TEST_F(LongAnswer, AClientThatAcknowledgesByRepeatingIsAcknowledgedAtOnce) {
  ASSERT_EQ(ask(500).count, 10);
  segment.payload = request;
  const Plan& plan = send(kAck | kPsh, kClient + 1, first.value() + 10 * kMss);
  ASSERT_EQ(plan.outcome, Outcome::bulk_sent);
  EXPECT_EQ(plan.count, 20);
  EXPECT_EQ(plan.segments[0].ack, SeqNum(kClient + 1 + static_cast<std::uint32_t>(request.size())));
}

TEST_F(LongAnswer, AClientThatAcknowledgesByItselfKeepsItsRequest) {
  ASSERT_EQ(ask(500).count, 10);
  ASSERT_EQ(ack(2 * kMss).outcome, Outcome::bulk_sent);
  segment.payload = request;
  const Plan& plan = send(kAck | kPsh, kClient + 1, first.value() + 10 * kMss);
  ASSERT_EQ(plan.outcome, Outcome::bulk_sent);
  EXPECT_EQ(plan.segments[0].ack, SeqNum(kClient + 1));
}

}  // namespace
}  // namespace gl::tcp
