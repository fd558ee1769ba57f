// What off-path senders may take from others: slots, room to wait, the helper; and who is taken for whom.
#include "lib/backend/non_idempotent.h"
#include "lib/backend/pending.h"
#include "tests/unit/forwarder_support.h"

namespace gl::backend::test {
namespace {

using Kind = QueryResult::Kind;
using ReplyEnd = Forwarder::ReplyEnd;

class Strangers : public ForwarderTest {
 protected:
  const ForwardCounters& counters() { return forwarder->counters(); }
};

Client datagram(unsigned number, const std::string& label = "a") {
  return Client(number, label, false);
}

TEST_F(Strangers, DatagramsLeaveSlotsToStreams) {
  ForwardSettings small = settings_for(1);
  small.slots = 8;
  make(small);
  for (unsigned i = 0; i < 6; ++i) ASSERT_TRUE(ask_and_park(datagram(i, numbered('u', i))));
  EXPECT_EQ(ask(datagram(6, "other")).kind, Kind::over_tcp);
  EXPECT_TRUE(ask_and_park(datagram(7, "u0")));  // joins a question that has its slot
  EXPECT_TRUE(ask_and_park(Client(8, "s1")));
  EXPECT_TRUE(ask_and_park(Client(9, "s2")));
  EXPECT_EQ(ask(Client(10, "s3")).kind, Kind::failed);
  EXPECT_EQ(counters().to_tcp.value(), 1U);
  EXPECT_EQ(counters().failed_full.value(), 1U);
}

TEST_F(Strangers, DatagramsLeaveRoomToStreams) {
  ForwardSettings small = settings_for(1);
  small.waiting = 8;
  make(small);
  for (unsigned i = 0; i < 6; ++i) ASSERT_TRUE(ask_and_park(datagram(i)));
  EXPECT_EQ(ask(datagram(6)).kind, Kind::over_tcp);
  EXPECT_EQ(ask(datagram(5)).kind, Kind::pending);  // it waits already
  EXPECT_EQ(suspend(), Forwarder::Suspend::repeated);
  EXPECT_TRUE(ask_and_park(Client(7)));
  EXPECT_TRUE(ask_and_park(Client(8)));
  EXPECT_EQ(ask(Client(9)).kind, Kind::failed);
  // Whoever waited gets the answer, however crowded it is.
  const Sent sent = take_sent();
  EXPECT_EQ(deliver(sent, reply_to(sent.payload, 5)), ReplyEnd::taken);
  for (unsigned i = 0; i < 6; ++i) EXPECT_EQ(resume_and_ask(datagram(i)).kind, Kind::answered);
}

TEST_F(Strangers, LongDatagramsDoNotOccupyTheHelper) {
  make(settings_for(1));
  Client client = datagram(1);
  client.query = query_for("a", 1, 0, 1, Question::kMaxQuery);
  EXPECT_EQ(ask(client).kind, Kind::over_tcp);
  EXPECT_TRUE(jobs->under_way.empty());
  client.stream = true;
  EXPECT_EQ(ask(client).kind, Kind::pending);
  EXPECT_EQ(jobs->under_way.size(), 1U);
}

TEST_F(Strangers, DatagramsLeaveRoomForUpdates) {
  make(settings_for(1));
  Client client = datagram(1);
  for (unsigned i = 0; i < NonIdempotentRequests::kEntries; ++i) {
    client.query = query_for("a", static_cast<std::uint16_t>(i), 4, 6);
    const QueryResult asked = ask(client);
    EXPECT_EQ(asked.kind, i < NonIdempotentRequests::kEntries * 3 / 4 ? Kind::pending : Kind::failed) << i;
    if (asked.kind != Kind::pending) continue;
    const Sent sent = take_sent();
    EXPECT_EQ(deliver(sent, reply_to(sent.payload, 1, 0x8000)), ReplyEnd::taken);
  }
  client.stream = true;
  EXPECT_EQ(ask(client).kind, Kind::pending);
}

// What is asked ahead is nobody's SERVFAIL yet.
TEST_F(Strangers, FailuresAreCountedForThoseWhoAsk) {
  ForwardSettings once = settings_for(1);
  once.tries = 1;
  make(once);
  const Client client(1);
  prepare(client);
  pass_ms(once.timeout_ms);
  prepare(client);
  prepare(client);
  EXPECT_EQ(counters().failed_timeout.value(), 0U);
  EXPECT_EQ(ask(client).kind, Kind::failed);
  EXPECT_EQ(counters().failed_timeout.value(), 1U);
}

// The next connection from the same port may begin at the same number.
TEST_F(Strangers, AnotherQuestionAtTheSamePlaceIsAnother) {
  make(settings_for(1));
  ASSERT_TRUE(ask_and_park(Client(1, "a")));
  const Sent sent = take_sent();
  EXPECT_EQ(deliver(sent, reply_to(sent.payload, 5)), ReplyEnd::taken);
  EXPECT_EQ(resume_and_ask(Client(1, "a")).kind, Kind::answered);
  EXPECT_EQ(ask(Client(1, "b")).kind, Kind::pending);
  EXPECT_EQ(ask(Client(1, "a")).kind, Kind::answered);
}

// A forged datagram from the ports of a connection does not stand in its way.
TEST_F(Strangers, DatagramAndConnectionWaitEachForItself) {
  make(settings_for(1));
  Client forged = datagram(1, "slow");
  store_be<std::uint16_t>(forged.query.data(), 0);
  ASSERT_TRUE(ask_and_park(forged));
  EXPECT_TRUE(ask_and_park(Client(1, "quick")));
}

TEST_F(Strangers, BackendWithoutEdnsIsAskedWithout) {
  ForwardSettings settings_once = settings_for(1);
  settings_once.tries = 1;
  make(settings_once);
  ASSERT_TRUE(ask_and_park(Client(1)));
  const Sent first = take_sent();
  EXPECT_EQ(first.payload[11], 1);  // an OPT of ours
  Message formerr(first.payload.begin(), first.payload.begin() + 12);
  formerr[2] = 0x81;
  formerr[3] = 0x81;
  formerr[5] = formerr[11] = 0;
  EXPECT_EQ(deliver(first, formerr), ReplyEnd::taken);
  const Sent second = take_sent();
  Message plain = Client(1).query;
  store_be(plain.data(), second.id());
  EXPECT_EQ(second.payload, plain);
  EXPECT_EQ(deliver(second, reply_to(second.payload, 9)), ReplyEnd::taken);
  EXPECT_EQ(last_byte(resume_and_ask(Client(1))), 9);
  EXPECT_EQ(counters().retried.value(), 1U);
}

// Not in circles, and not where something that the client said would get lost.
TEST_F(Strangers, FormerrIsPassedOn) {
  make(settings_for(1));
  const auto formerr_twice = [&](const Client& client, bool again) {
    ASSERT_TRUE(ask_and_park(client));
    for (bool more = again; !link.sent.empty(); more = false) {
      const Sent sent = take_sent();
      EXPECT_EQ(deliver(sent, reply_to(sent.payload, 0, 0x8181)), ReplyEnd::taken);
      EXPECT_EQ(link.sent.size(), more ? 1U : 0U);
    }
    EXPECT_EQ(resume_and_ask(client).kind, Kind::answered);
  };
  formerr_twice(Client(1), true);
  Client with_option(2);
  with_option.query = query_for("a", 2, 0, 1, 8);
  formerr_twice(with_option, false);
}

}  // namespace
}  // namespace gl::backend::test
