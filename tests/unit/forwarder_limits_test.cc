// Full tables, shares of the backends, and which of them are in service.
#include "tests/unit/forwarder_support.h"

namespace gl::backend::test {
namespace {

using Kind = QueryResult::Kind;
using ReplyEnd = Forwarder::ReplyEnd;

class ForwardingLimits : public ForwarderTest {};

TEST_F(ForwardingLimits, FullTablesFailAtOnce) {
  ForwardSettings small = settings_for(1);
  small.slots = 2;
  small.waiting = 3;
  make(small);
  ASSERT_TRUE(ask_and_park(Client(1, "a")));
  ASSERT_TRUE(ask_and_park(Client(2, "b")));
  EXPECT_EQ(ask(Client(3, "c")).kind, Kind::failed);  // no slot
  ASSERT_TRUE(ask_and_park(Client(4, "a")));
  EXPECT_EQ(ask(Client(5, "a")).kind, Kind::failed);   // nowhere to wait
  EXPECT_EQ(ask(Client(4, "a")).kind, Kind::pending);  // it waits already
  EXPECT_EQ(suspend(), Forwarder::Suspend::repeated);
  EXPECT_EQ(forwarder->counters().failed_full.value(), 2U);
  EXPECT_EQ(ask(Client(3, "c")).kind, Kind::failed);
}

TEST_F(ForwardingLimits, ANetworkHasItsShareOfTheSlots) {
  ForwardSettings shared = settings_for(1);
  shared.share = 2;
  make(shared);
  ASSERT_TRUE(ask_and_park(Client(1, "a")));
  ASSERT_TRUE(ask_and_park(Client(2, "b")));
  ASSERT_TRUE(ask_and_park(Client(3, "a")));  // the same question takes no slot
  EXPECT_EQ(ask(Client(4, "c")).kind, Kind::failed);
  Client elsewhere(4, "c");
  elsewhere.flow[2] = 3;
  ASSERT_TRUE(ask_and_park(elsewhere));
  // Who forges addresses over UDP takes nothing from those who ask over TCP, and the other way round.
  ASSERT_TRUE(ask_and_park(Client(5, "d", false)));
  ASSERT_TRUE(ask_and_park(Client(6, "e", false)));
  EXPECT_EQ(ask(Client(7, "f", false)).kind, Kind::over_tcp);
  EXPECT_EQ(forwarder->counters().over_share.value(), 2U);
  EXPECT_EQ(forwarder->counters().failed_full.value(), 1U);
  for (unsigned i = 0; i < 4; ++i) pass_ms(900);  // all of them time out
  ASSERT_TRUE(ask_and_park(Client(8, "g")));
  ASSERT_TRUE(ask_and_park(Client(9, "h")));
  EXPECT_EQ(ask(Client(10, "i")).kind, Kind::failed);
}

TEST_F(ForwardingLimits, WeightsAreRespected) {
  ForwardSettings weighted = settings_for(3);
  weighted.backends[1].weight = 3;
  weighted.backends[2].weight = 0;
  weighted.slots = 4096;
  weighted.waiting = 4096;
  make(weighted);
  for (unsigned i = 0; i < 4000; ++i) ASSERT_TRUE(ask_and_park(Client(i, numbered('n', i))));
  EXPECT_NEAR(static_cast<double>(forwarder->counters(0).sent.value()), 1000.0, 150.0);
  EXPECT_NEAR(static_cast<double>(forwarder->counters(1).sent.value()), 3000.0, 150.0);
  EXPECT_EQ(forwarder->counters(2).sent.value(), 0U);
}

TEST_F(ForwardingLimits, UnreachableAndBufferless) {
  make(settings_for(2));
  link.no_way[0] = true;
  ASSERT_TRUE(ask_and_park(Client(1)));
  EXPECT_EQ(take_sent().backend, 1U);
  EXPECT_GT(forwarder->counters(0).unreachable.value(), 0U);
  link.no_way[1] = true;
  const QueryResult asked = ask(Client(2, "b"));
  EXPECT_EQ(asked.kind, Kind::failed);
  EXPECT_EQ(asked.info, 22);
  EXPECT_EQ(forwarder->counters().failed_down.value(), 1U);
  link.no_way[1] = false;
  link.no_buffer = true;
  EXPECT_EQ(ask(Client(3, "c")).kind, Kind::failed);
  EXPECT_EQ(forwarder->counters(1).no_buffer.value(), 1U);
}

TEST_F(ForwardingLimits, UntilTheNextHopIsFoundTheClientRepeats) {
  make(settings_for(1));
  link.no_way[0] = link.asks_for_way = true;
  EXPECT_EQ(ask(Client(1)).kind, Kind::pending);
  EXPECT_EQ(suspend(), Forwarder::Suspend::repeated) << "nothing waits for a reply that nobody was asked for";
  EXPECT_EQ(forwarder->counters().unresolved.value(), 1U);
  EXPECT_EQ(forwarder->counters().failed_down.value(), 0U);
  Client datagram(2, "d");
  datagram.stream = false;
  EXPECT_EQ(ask(datagram).kind, Kind::failed) << "over UDP there may be nobody who repeats it";
  EXPECT_EQ(forwarder->counters().failed_down.value(), 1U);
  link.no_way[0] = false;
  EXPECT_TRUE(ask_and_park(Client(1)));
  EXPECT_EQ(take_sent().backend, 0U);
}

TEST_F(ForwardingLimits, HealthDownAndUp) {
  ForwardSettings with = settings_for(2);
  with.health_interval_ms = 1000;
  make(with);
  pass_ms(100);
  pass_ms(500);
  EXPECT_EQ(link.sent.size(), 2U);  // one each, spread over the interval
  EXPECT_EQ(forwarder->counters(0).up.value(), 1U);
  for (int second = 0; second < 6; ++second) {
    std::deque<Sent> checks;
    checks.swap(link.sent);
    for (const Sent& check : checks) {
      if (check.backend == 1) {
        EXPECT_EQ(deliver(check, reply_to(check.payload, 1)), ReplyEnd::taken);
      }
    }
    for (int i = 0; i < 10; ++i) pass_ms(100);
  }
  EXPECT_EQ(forwarder->counters(0).up.value(), 0U);
  EXPECT_EQ(forwarder->counters(0).went_down.value(), 1U);
  EXPECT_GE(forwarder->counters(0).health_failed.value(), 3U);
  EXPECT_EQ(forwarder->counters(1).up.value(), 1U);
  link.sent.clear();
  for (unsigned i = 0; i < 20; ++i) ASSERT_TRUE(ask_and_park(Client(i, numbered('n', i))));
  for (const Sent& sent : link.sent) EXPECT_EQ(sent.backend, 1U);
  link.sent.clear();
  pass_ms(700);
  std::deque<Sent> checks;
  checks.swap(link.sent);
  for (const Sent& check : checks) (void)deliver(check, reply_to(check.payload, 1));
  EXPECT_EQ(forwarder->counters(0).up.value(), 1U);
  EXPECT_EQ(forwarder->counters(0).came_up.value(), 1U);
}

TEST_F(ForwardingLimits, TimeOutsOfQuestionsBringTheCheckForward) {
  ForwardSettings with = settings_for(1);
  with.health_interval_ms = 100'000;
  with.tries = 1;
  make(with);
  pass_ms(100);
  const Sent first = take_sent();
  EXPECT_EQ(deliver(first, reply_to(first.payload, 1)), ReplyEnd::taken);
  for (unsigned i = 0; i < 5; ++i) ASSERT_TRUE(ask_and_park(Client(i, numbered('n', i))));
  link.sent.clear();
  pass_ms(settings.timeout_ms);
  EXPECT_EQ(link.sent.size(), 1U);
  EXPECT_EQ(forwarder->counters(0).up.value(), 1U);  // questions alone do not decide
  pass_ms(settings.timeout_ms);
  EXPECT_EQ(forwarder->counters(0).up.value(), 0U);
  EXPECT_EQ(ask(Client(9, "z")).kind, Kind::failed);
  EXPECT_EQ(forwarder->counters().failed_down.value(), 1U);
}

}  // namespace
}  // namespace gl::backend::test
