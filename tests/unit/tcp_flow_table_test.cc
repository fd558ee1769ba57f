// Which entry goes when a set is full, and that a flood of short exchanges never takes the entry of a connection in the
// middle of an answer.
#include <gtest/gtest.h>

#include <memory>
#include <vector>

#include "lib/tcp/responder.h"
#include "lib/tcp/soft_state/flow_table.h"
#include "tests/unit/framed_service.h"

namespace gl::tcp {
namespace {

FlowKey key_of(std::uint32_t number) {
  std::array<std::uint8_t, 4> client = {10, 0, static_cast<std::uint8_t>(number >> 24),
                                        static_cast<std::uint8_t>(number >> 16)};
  const std::array<std::uint8_t, 4> server = {192, 0, 2, 1};
  return FlowKey::v4(client.data(), server.data(), Be16(static_cast<std::uint16_t>(number)), Be16(53));
}

enum class Kind { ended, idle, busy };

// One set: every flow competes with every other.
class FlowTableTest : public ::testing::Test {
 protected:
  void SetUp() override { at(1000); }
  void at(std::uint64_t ms) { table.begin_burst(now = ms); }

  static void shape(Flow& flow, Kind kind) {
    flow.begin(SeqNum(1));
    flow.synchronize(0, 0);
    if (kind == Kind::ended) {
      flow.state = FlowState::closing;
      flow.client_fin_acked = flow.fin_arrived = true;
    }
    if (kind != Kind::busy) return;
    flow.state = FlowState::in_flight;
    flow.answered_end = 1000;
    flow.snd.sent({0, 1000});
  }
  Flow* make(std::uint32_t number, Kind kind, bool timestamps) {
    Flow* const flow = table.make(key_of(number), SeqNum(number), timestamps);
    if (flow == nullptr) return nullptr;
    shape(*flow, kind);
    table.touch(*flow);
    return flow;
  }
  bool has(std::uint32_t number, bool timestamps) {
    return (timestamps ? table.find(key_of(number), SeqNum(number)) : table.find(key_of(number))) != nullptr;
  }

  FlowTable table{8};
  std::uint64_t now = 0;
};

TEST_F(FlowTableTest, NoneAtAll) {
  FlowTable none(0);
  EXPECT_FALSE(none.enabled());
  EXPECT_EQ(none.find(key_of(1)), nullptr);
  EXPECT_EQ(none.find(key_of(1), SeqNum(1)), nullptr);
}

TEST_F(FlowTableTest, FindsWhatWasMade) {
  Flow* const with = make(1, Kind::idle, true);
  Flow* const without = make(2, Kind::idle, false);
  EXPECT_EQ(table.find(key_of(1), SeqNum(1)), with);
  EXPECT_EQ(table.find(key_of(2)), without);
  EXPECT_TRUE(with->timestamps);
  EXPECT_FALSE(without->timestamps);
  EXPECT_EQ(without->isn, SeqNum(2));
  EXPECT_EQ(table.find(key_of(1)), nullptr);
  EXPECT_EQ(table.find(key_of(2), SeqNum(2)), nullptr);
  EXPECT_EQ(table.find(key_of(1), SeqNum(2)), nullptr);
  EXPECT_EQ(table.find(key_of(3), SeqNum(1)), nullptr);
}

TEST_F(FlowTableTest, TheSameFlowTakesItsOldPlace) {
  Flow* const flow = make(1, Kind::busy, false);
  EXPECT_EQ(make(1, Kind::busy, false), flow);
  for (std::uint32_t i = 2; i <= 8; ++i) ASSERT_NE(make(i, Kind::busy, false), nullptr);
  EXPECT_EQ(make(1, Kind::idle, false), flow);
}

TEST_F(FlowTableTest, Forgets) {
  Flow* const flow = make(1, Kind::busy, false);
  table.evict(*flow);
  EXPECT_FALSE(has(1, false));
  make(2, Kind::busy, true);
  table.evict(key_of(2), SeqNum(2));
  table.evict(key_of(3), SeqNum(3));
  EXPECT_FALSE(has(2, true));
  for (std::uint32_t i = 10; i < 18; ++i) EXPECT_NE(make(i, Kind::busy, false), nullptr);
}

TEST_F(FlowTableTest, OneThatHasEndedGoesBeforeAnEmptyPlaceIsTaken) {
  make(1, Kind::busy, false);
  Flow* const ended = make(2, Kind::ended, false);
  EXPECT_EQ(make(3, Kind::busy, false), ended);
  Flow* const half = make(4, Kind::ended, false);
  half->fin_arrived = false;  // its client may have to be sent our FIN again
  table.touch(*half);
  EXPECT_NE(make(5, Kind::busy, false), half);
  EXPECT_TRUE(has(1, false));
  EXPECT_TRUE(has(4, false));
}

TEST_F(FlowTableTest, EvictsInOrder) {
  // The order of rank against that of time: what goes last has been quiet for longest.
  make(1, Kind::busy, false), at(2000);
  make(2, Kind::busy, true), at(3000);
  make(3, Kind::idle, false), at(4000);
  make(4, Kind::idle, true), at(5000);
  make(5, Kind::ended, true), at(6000);
  for (std::uint32_t i = 6; i <= 8; ++i) make(i, Kind::busy, false);
  at(7000);
  ASSERT_NE(make(9, Kind::busy, false), nullptr);
  EXPECT_FALSE(has(5, true)) << "ended";
  ASSERT_NE(make(10, Kind::busy, false), nullptr);
  EXPECT_FALSE(has(4, true)) << "idle, with timestamps";
  ASSERT_NE(make(11, Kind::busy, false), nullptr);
  EXPECT_FALSE(has(3, false)) << "idle, without";
  ASSERT_NE(make(12, Kind::busy, false), nullptr);
  EXPECT_FALSE(has(2, true)) << "busy, with timestamps";
  at(10'999);
  EXPECT_EQ(make(13, Kind::busy, false), nullptr) << "busy, without, within ten seconds";
  EXPECT_TRUE(has(1, false));
  at(11'000);
  ASSERT_NE(make(13, Kind::busy, false), nullptr);
  EXPECT_FALSE(has(1, false)) << "busy, without";
  for (std::uint32_t i = 6; i <= 13; ++i) EXPECT_TRUE(has(i, false)) << i;
}

TEST_F(FlowTableTest, AmongEqualsTheQuietestGoes) {
  for (std::uint32_t i = 1; i <= 8; ++i) at(1000 + i), make(i, Kind::idle, true);
  at(2000);
  table.touch(*table.find(key_of(1), SeqNum(1)));
  make(9, Kind::idle, true);
  EXPECT_TRUE(has(1, true));
  EXPECT_FALSE(has(2, true));
}

TEST_F(FlowTableTest, TheClockMayWrap) {
  at(0xffffffff);
  for (std::uint32_t i = 1; i <= 8; ++i) make(i, Kind::busy, false);
  at(std::uint64_t{0xffffffff} + 5000);
  EXPECT_EQ(make(9, Kind::busy, false), nullptr);
  at(std::uint64_t{0xffffffff} + 10'000);
  EXPECT_NE(make(9, Kind::busy, false), nullptr);
}

TEST_F(FlowTableTest, APieceThatWasAcknowledgedIsNeededLikeAConnectionWithoutTimestamps) {
  Flow* const flow = make(1, Kind::idle, true);
  flow->buffered = 10;
  flow->piece_ack = flow->base + 10;
  flow->state = FlowState::partial_acked;
  table.touch(*flow);
  for (std::uint32_t i = 2; i <= 8; ++i) make(i, Kind::busy, true);
  ASSERT_NE(make(9, Kind::busy, true), nullptr);
  EXPECT_TRUE(has(1, true));
}

TEST_F(FlowTableTest, ThePieceOfAQueryIsBusy) {
  Flow* const flow = make(1, Kind::idle, false);
  flow->buffered = 10;
  table.touch(*flow);
  for (std::uint32_t i = 2; i <= 8; ++i) make(i, Kind::busy, true);
  ASSERT_NE(make(9, Kind::busy, true), nullptr);
  EXPECT_TRUE(has(1, false));
}

TEST_F(FlowTableTest, SaysThatSomebodyWaitingLostItsEntry) {
  for (std::uint32_t i = 1; i <= 9; ++i) make(i, i == 1 ? Kind::idle : Kind::busy, true);
  EXPECT_FALSE(table.crowded()) << "the idle one went";
  make(10, Kind::busy, true);
  EXPECT_TRUE(table.crowded());
  at(1000 + kCrowdedMs);
  EXPECT_FALSE(table.crowded());
}

TEST_F(FlowTableTest, NobodyWaitsForWhatIsOld) {
  for (std::uint32_t i = 1; i <= 8; ++i) make(i, Kind::busy, true);
  at(1000 + kBusyMs);
  make(9, Kind::busy, true);
  EXPECT_FALSE(table.crowded());
}

// What came together with something that was answered is noted once, and counts when it comes alone.
TEST_F(FlowTableTest, NotedStraysAreCountedAlone) {
  const FlowKey flow = key_of(1);
  for (std::uint32_t i = 0; i < 5; ++i) {
    at(1000 + 500 * i);
    table.note_stray(flow, SeqNum(77));
  }
  at(5000);
  EXPECT_EQ(table.count_stray(flow, SeqNum(77)), 2u);
  EXPECT_EQ(table.count_stray(flow, SeqNum(77)), 2u) << "a copy of the network's";
  table.note_stray(flow, SeqNum(77));
  at(6000);
  EXPECT_EQ(table.count_stray(flow, SeqNum(77)), 3u);
  FlowTable none(FlowTable::Nothing{});
  none.note_stray(flow, SeqNum(77));
  EXPECT_EQ(none.count_stray(flow, SeqNum(77)), 1u);
}

TEST_F(FlowTableTest, StraysAreCountedBySegmentAndNotByTheNetworksCopies) {
  EXPECT_EQ(table.count_stray(key_of(1), SeqNum(7)), 1u);
  EXPECT_EQ(table.count_stray(key_of(1), SeqNum(7)), 1u);
  EXPECT_EQ(table.count_stray(key_of(2), SeqNum(7)), 1u);
  at(1200);
  EXPECT_EQ(table.count_stray(key_of(1), SeqNum(7)), 2u);
  EXPECT_EQ(table.count_stray(key_of(1), SeqNum(8)), 1u);
  at(1600);
  EXPECT_EQ(table.count_stray(key_of(1), SeqNum(7)), 3u);
}

// A client that repeats two segments in turn, however far apart, is told in the end.
TEST_F(FlowTableTest, StraysOfOneClientDoNotHideOneAnother) {
  for (std::uint32_t n = 0; n < 2000; ++n) {
    const SeqNum first(n * 7919);
    const SeqNum second = first + (n % 4 == 0 ? 1024 * (n + 1) : n + 1);
    for (unsigned times = 1; times <= 3; ++times) {
      at(now + 200);
      ASSERT_EQ(table.count_stray(key_of(n), first), times) << n;
      ASSERT_EQ(table.count_stray(key_of(n), second), times) << n;
    }
  }
}

TEST_F(FlowTableTest, NotesTheLastQuery) {
  const std::vector<std::uint8_t> query(40, 'q');
  table.note(SeqNum(1), query, SeqNum(100), {40, 500, 9}, 77, 500);
  const FlowTable::Recent* const recent = table.recent(SeqNum(1));
  ASSERT_NE(recent, nullptr);
  EXPECT_EQ(recent->seq, SeqNum(100));
  EXPECT_EQ(recent->end, 500u);
  EXPECT_EQ(recent->answer, 500u);
  EXPECT_EQ(recent->identity, 9u);
  EXPECT_EQ(recent->ts_val, 77u);
  EXPECT_EQ(recent->query().size(), 40u);
  EXPECT_EQ(table.recent(SeqNum(9)), nullptr);  // the same place
  const std::vector<std::uint8_t> longer(103, 'q');
  table.note(SeqNum(2), longer, SeqNum(100), {103, 500, 9}, 77, 500);
  EXPECT_EQ(table.recent(SeqNum(2)), nullptr);
}

// ---- A flood, through the rules ----

// The answer is as long as the query's first byte says.
class LengthService final : public test::FramedService {
 public:
  Answer answer(Bytes request, MutableBytes out, const RequestContext&) noexcept override {
    const std::size_t size = request[0] == 'L' ? 40'000 : 100;
    for (std::size_t i = 0; i < size; ++i) out[i] = static_cast<std::uint8_t>(i);
    return {Answer::Kind::answered, size, false};
  }
  std::size_t largest_answer() const noexcept override { return 40'000; }
};

class FloodTest : public ::testing::TestWithParam<bool> {
 protected:
  struct Client {
    FlowKey flow;
    std::uint32_t isn = 0;  // ours
    std::uint32_t read = 0;
    std::uint32_t value = 100;
    std::uint32_t echo = 0;
    bool timestamps = false;
  };

  void SetUp() override {
    keys.by_parity[0][0] = 1;
    at(1000);
  }
  void at(std::uint64_t ms) { responder.begin_burst(now = ms, keys); }

  const Plan& send(Client& client, std::uint8_t flags, std::uint32_t seq, Bytes payload) {
    Segment segment;
    segment.flow = client.flow;
    segment.flags = flags;
    segment.seq = SeqNum(seq);
    segment.ack = SeqNum(client.isn + 1 + client.read);
    segment.window = 65535;
    if (flags == kSyn) segment.mss = 1460;
    if (client.timestamps) segment.timestamps = Timestamps{++client.value, client.echo};
    segment.payload = payload;
    const Plan& plan = responder.handle(segment, &service);
    if (plan.count > 0 && plan.segments[0].has_timestamps) client.echo = plan.segments[0].timestamps.value;
    return plan;
  }
  Client connect(std::uint32_t number, bool timestamps) {
    Client client;
    client.flow = key_of(number);
    client.timestamps = timestamps;
    client.isn = send(client, kSyn, 0, {}).segments[0].seq.value();
    return client;
  }

  CookieKeys keys;
  LengthService service;
  Responder responder{ResponderSettings{.flow_cache = 64}};
  std::uint64_t now = 0;
  const std::vector<std::uint8_t> long_query = {0, 2, 'L', 'x'};
  const std::vector<std::uint8_t> query = {0, 2, 'q', 'x'};
};

// The clients of the flood are of one kind with the client in the middle of an answer. It is read slowly, a segment
// every five seconds, and is never told anything but the answer's next bytes.
TEST_P(FloodTest, NeverEvictsAConnectionInTheMiddleOfAnAnswer) {
  const bool timestamps = GetParam();
  Client reader = connect(1, timestamps);
  ASSERT_GT(send(reader, kAck | kPsh, 1, long_query).count, 1);
  std::uint32_t stranger = 1000;
  for (int step = 0; step < 10; ++step) {
    for (int i = 0; i < 5000; ++i) {
      at(now + 1);
      Client client = connect(++stranger, timestamps);
      const Plan& plan = send(client, kAck | kPsh, 1, query);
      ASSERT_EQ(plan.answers->size(), 100u) << "a newcomer is answered in any case";
    }
    reader.read += 1448;
    const Plan& plan = send(reader, kAck, 5, {});
    ASSERT_TRUE(plan.outcome == Outcome::flow_continued || plan.outcome == Outcome::drop_ack_only) << step;
    ASSERT_EQ(plan.outcome == Outcome::flow_continued, plan.count > 0);
  }
}
INSTANTIATE_TEST_SUITE_P(Clients, FloodTest, ::testing::Bool());

// More clients than entries are stuck with the piece of a query, each takes another's entry away, and all of their
// timers go alike: nobody waits for ever, and whoever has the piece acknowledged has an answer.
TEST_F(FloodTest, ManyStuckWithAPieceAreAnsweredOrReset) {
  constexpr unsigned kMost = 8;  // repetitions of each
  std::vector<Client> clients;
  for (std::uint32_t number = 0; number < 300; ++number) clients.push_back(connect(number + 1, true));
  const Bytes piece = Bytes(query).first(3);
  std::vector<bool> ended(clients.size());
  std::size_t answered = 0;
  std::size_t reset = 0;
  for (unsigned round = 0; round < kMost; ++round) {
    at(now + 400);
    for (std::size_t i = 0; i < clients.size(); ++i) {
      if (ended[i]) continue;
      clients[i].value += 400;
      Outcome outcome = send(clients[i], kAck | kPsh, 1, piece).outcome;
      if (outcome == Outcome::acked_piece) outcome = send(clients[i], kAck | kPsh, 4, Bytes(query).subspan(3)).outcome;
      answered += outcome == Outcome::flow_answered ? 1u : 0u;
      reset += outcome == Outcome::reset_incomplete ? 1u : 0u;
      ended[i] = outcome == Outcome::flow_answered || outcome == Outcome::reset_incomplete;
    }
  }
  EXPECT_EQ(answered + reset, clients.size());
  EXPECT_GE(answered, 64u);
}

// The same where a piece was acknowledged, and what comes behind it is all that the client can send.
TEST_F(FloodTest, ManyWhosePieceIsGoneAreReset) {
  constexpr unsigned kMost = 12;
  std::vector<Client> clients;
  for (std::uint32_t number = 0; number < 300; ++number) clients.push_back(connect(number + 1, true));
  std::size_t reset = 0;
  std::vector<bool> ended(clients.size());
  for (unsigned round = 0; round < kMost; ++round) {
    at(now + 400);
    for (std::size_t i = 0; i < clients.size(); ++i) {
      if (ended[i]) continue;
      clients[i].value += 400;
      ended[i] = send(clients[i], kAck | kPsh, 4, Bytes(query).subspan(3)).outcome == Outcome::reset_forgotten;
      if (ended[i]) ++reset;
    }
  }
  EXPECT_EQ(reset, clients.size());
}

// Connections that ask and read, and stay idle, make room for one another.
TEST_F(FloodTest, IdleConnectionsMakeRoom) {
  for (std::uint32_t number = 1; number < 2000; ++number) {
    at(now + 1);
    Client client = connect(number, false);
    const Plan& plan = send(client, kAck | kPsh, 1, query);
    ASSERT_EQ(plan.outcome, Outcome::flow_answered) << number;
    ASSERT_EQ(plan.segments[0].flags & kFin, 0);
    client.read = 100;
    (void)send(client, kAck, 5, {});
  }
}

}  // namespace
}  // namespace gl::tcp
