// The same bytes twice, and what must not be sent twice.
#include "tests/unit/forwarder_support.h"

namespace gl::backend::test {
namespace {

using Kind = QueryResult::Kind;
using ReplyEnd = Forwarder::ReplyEnd;

class Remembering : public ForwarderTest {
 protected:
  // Asks, is answered by the backend with `last`, and takes the answer.
  QueryResult exchange(const Client& client, std::uint8_t last) {
    EXPECT_TRUE(ask_and_park(client));
    const Sent sent = take_sent();
    EXPECT_EQ(deliver(sent, reply_to(sent.payload, last)), ReplyEnd::taken);
    return resume_and_ask(client);
  }
};

TEST_F(Remembering, SameBytesTwiceWhateverTheBackendSaysNext) {
  make(settings_for(1));
  const Client a(1), b(2);
  EXPECT_EQ(last_byte(exchange(a, 1)), 1);
  EXPECT_EQ(last_byte(exchange(b, 2)), 2);
  EXPECT_EQ(last_byte(ask(a)), 1);
  EXPECT_EQ(last_byte(ask(a, true)), 1);
  EXPECT_EQ(last_byte(ask(b, true)), 2);
  EXPECT_EQ(forwarder->counters().continued.value(), 2U);
  Client next = a;
  next.position += 100;
  EXPECT_EQ(ask(next).kind, Kind::pending);
  pass_ms(settings.keep_ms + 1);
  EXPECT_EQ(ask(a, true).kind, Kind::unrepeatable);
  EXPECT_EQ(forwarder->counters().unrepeatable.value(), 1U);
}

TEST_F(Remembering, ContinuationOfWhatIsNotKnown) {
  make(settings_for(1));
  const Client a(1), stranger(2);
  EXPECT_EQ(last_byte(exchange(a, 1)), 1);
  // Before we ran, another may have given other bytes.
  EXPECT_EQ(ask(stranger, true).kind, Kind::unrepeatable);
  pass_ms(60'000);
  const Client b(3);
  EXPECT_EQ(last_byte(exchange(b, 1)), 1);
  EXPECT_EQ(last_byte(ask(stranger, true)), 1);  // there was nothing else
  EXPECT_EQ(last_byte(exchange(Client(4), 2)), 2);
  EXPECT_EQ(ask(Client(5), true).kind, Kind::unrepeatable);
  EXPECT_EQ(last_byte(ask(stranger, true)), 1);  // its own is known by now
}

TEST_F(Remembering, StoreWrapsAndForgetsTheOldest) {
  make(settings_for(1));
  const Client first(1, "first");
  exchange(first, 1);
  for (unsigned i = 0; i < 30; ++i) {
    const Client client(10 + i, numbered('n', i));
    ASSERT_TRUE(ask_and_park(client));
    const Sent sent = take_sent();
    ASSERT_EQ(deliver(sent, reply_to(sent.payload, static_cast<std::uint8_t>(i), 0x8180, 50'000)), ReplyEnd::taken);
    const QueryResult asked = resume_and_ask(client);
    ASSERT_EQ(asked.kind, Kind::answered);
    ASSERT_EQ(last_byte(asked), static_cast<int>(i));
    ASSERT_EQ(last_byte(ask(client, true)), static_cast<int>(i));
  }
  EXPECT_EQ(ask(first, true).kind, Kind::unrepeatable);
  EXPECT_EQ(ask(Client(10, "n0"), true).kind, Kind::unrepeatable);
  EXPECT_EQ(last_byte(ask(Client(38, "n28"), true)), 28);
}

TEST_F(Remembering, AnswerOverwrittenBeforeItsFrameIsTakenUp) {
  ForwardSettings with = settings_for(1);
  make(with);
  std::vector<Client> clients;
  for (unsigned i = 0; i < 30; ++i) clients.emplace_back(i, numbered('n', i));
  for (const Client& client : clients) ASSERT_TRUE(ask_and_park(client));
  for (unsigned i = 0; i < 30; ++i) {
    const Sent sent = take_sent();
    ASSERT_EQ(deliver(sent, reply_to(sent.payload, 1, 0x8180, 50'000)), ReplyEnd::taken);
  }
  unsigned failed = 0;
  for (const Client& client : clients) failed += resume_and_ask(client).kind == Kind::failed ? 1U : 0U;
  EXPECT_GT(failed, 0U);
  EXPECT_LT(failed, 30U);
  EXPECT_TRUE(link.sent.empty());
}

TEST_F(Remembering, ServesForAWhileWithItsAge) {
  ForwardSettings with = settings_for(1);
  with.serve_s = 5;
  make(with);
  exchange(Client(1), 1);
  pass_ms(3500);
  const QueryResult served = ask(Client(2));
  EXPECT_EQ(served.kind, Kind::answered);
  EXPECT_EQ(served.age_s, 3U);
  EXPECT_EQ(ask(Client(3, "a", false)).age_s, 3U);
  EXPECT_EQ(forwarder->counters().served.value(), 2U);
  pass_ms(1000);
  EXPECT_EQ(ask(Client(2)).age_s, 3U);  // as it was given
  EXPECT_EQ(ask(Client(2), true).age_s, 3U);
  pass_ms(1000);
  EXPECT_EQ(ask(Client(4)).kind, Kind::pending);
}

TEST_F(Remembering, FailuresAreNotServed) {
  ForwardSettings with = settings_for(1);
  with.serve_s = 5;
  make(with);
  const Client client(1);
  ASSERT_TRUE(ask_and_park(client));
  pass_ms(settings.timeout_ms);
  pass_ms(settings.timeout_ms);
  EXPECT_EQ(resume_and_ask(client).kind, Kind::failed);
  EXPECT_EQ(ask(Client(2)).kind, Kind::pending);
}

TEST_F(Remembering, GivenWithTwoAgesCannotBeGuessed) {
  ForwardSettings with = settings_for(1);
  with.serve_s = 100;
  make(with);
  pass_ms(60'000);
  exchange(Client(1), 1);
  EXPECT_EQ(last_byte(ask(Client(8), true)), 1);
  pass_ms(3000);
  EXPECT_EQ(ask(Client(2)).age_s, 3U);
  EXPECT_EQ(ask(Client(9), true).kind, Kind::unrepeatable);
}

TEST_F(Remembering, OnceIsNeverSentTwice) {
  ForwardSettings with = settings_for(2);
  with.pass_notifies = true;
  make(with);
  Client client(1, "a", false);
  client.query = query_for("a", 5, 4, 6);
  EXPECT_EQ(ask(client, false, true).kind, Kind::pending);  // early
  EXPECT_TRUE(link.sent.empty());
  EXPECT_EQ(suspend(), Forwarder::Suspend::repeated);
  ASSERT_TRUE(ask_and_park(client));
  EXPECT_EQ(ask(client).kind, Kind::pending);
  EXPECT_EQ(suspend(), Forwarder::Suspend::repeated);
  (void)take_sent();
  pass_ms(settings.timeout_ms);
  EXPECT_TRUE(link.sent.empty());
  EXPECT_EQ(resume_and_ask(client).kind, Kind::failed);
  EXPECT_EQ(ask(client).kind, Kind::failed);
  Client other(2);
  other.query = query_for("a", 5, 4, 6);
  ASSERT_TRUE(ask_and_park(other));  // somebody else's is another
  const Sent second = take_sent();
  EXPECT_EQ(deliver(second, reply_to(second.payload, 8)), ReplyEnd::taken);
  EXPECT_EQ(last_byte(resume_and_ask(other)), 8);
  pass_ms(50'000);
  EXPECT_EQ(last_byte(ask(other)), 8);
  EXPECT_EQ(last_byte(ask(other, true)), 8);
  EXPECT_TRUE(link.sent.empty());
  EXPECT_EQ(forwarder->counters().retried.value(), 0U);
}

TEST_F(Remembering, UpdateGoesOverTcpAndTheTableFills) {
  ForwardSettings with = settings_for(2);
  with.pass_updates = true;
  with.slots = 2048;
  with.waiting = 2048;
  make(with, 2000);
  std::size_t pending = 0;
  for (unsigned i = 0; i < 1100; ++i) {
    Client client(i);
    client.query = query_for("a", 5, 5, 6);
    pending += ask_and_park(client) ? 1U : 0U;
  }
  EXPECT_EQ(pending, 1024U);
  EXPECT_EQ(jobs->under_way.size(), 1024U);
  EXPECT_EQ(forwarder->counters().failed_full.value(), 76U);
  jobs->finish(TcpJob::Result::timed_out);
  pass_ms(1);
  EXPECT_EQ(jobs->under_way.size(), 1023U);  // not tried again
  Client late(1099);
  late.query = query_for("a", 5, 5, 6);
  EXPECT_EQ(ask(late).kind, Kind::failed);
  pass_ms(1);
  now_us += 60'000'000;
  for (std::size_t i = 0; i < 1023; ++i) jobs->finish(TcpJob::Result::answered, reply_to(late.query, 1));
  forwarder->tick(now_us);
  EXPECT_TRUE(ask_and_park(late));  // the first one's minute is over
}

}  // namespace
}  // namespace gl::backend::test
