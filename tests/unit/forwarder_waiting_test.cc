// Frames that wait for an answer.
#include <random>

#include "tests/unit/forwarder_support.h"

namespace gl::backend::test {
namespace {

using Kind = QueryResult::Kind;
using ReplyEnd = Forwarder::ReplyEnd;

class Waiting : public ForwarderTest {};

TEST_F(Waiting, PrepareBegins) {
  make(settings_for(1));
  Client first(1, "a"), second(1, "b");
  second.position = 1030;
  ASSERT_EQ(ask(first).kind, Kind::pending);
  prepare(second);
  EXPECT_EQ(suspend(), Forwarder::Suspend::suspended);
  EXPECT_EQ(link.sent.size(), 2U);
  const Sent a = take_sent(), b = take_sent();
  EXPECT_EQ(deliver(b, reply_to(b.payload, 2)), ReplyEnd::taken);
  EXPECT_EQ(forwarder->resume(), nullptr);
  EXPECT_EQ(deliver(a, reply_to(a.payload, 1)), ReplyEnd::taken);
  ASSERT_NE(forwarder->resume(), nullptr);
  EXPECT_EQ(last_byte(ask(first)), 1);
  EXPECT_EQ(last_byte(ask(second)), 2);
  forwarder->release();
}

TEST_F(Waiting, ParksAgainBehindTheNextQuestion) {
  ForwardSettings with = settings_for(1);
  with.waiting = 1;
  make(with);
  Client first(1, "a"), second(1, "b");
  second.position = 1030;
  ASSERT_TRUE(ask_and_park(first));
  const Sent a = take_sent();
  EXPECT_EQ(deliver(a, reply_to(a.payload, 1)), ReplyEnd::taken);
  const Suspended* const suspended = forwarder->resume();
  ASSERT_NE(suspended, nullptr);
  EXPECT_EQ(last_byte(ask(first)), 1);
  ASSERT_EQ(ask(second).kind, Kind::pending);
  EXPECT_EQ(forwarder->suspend(*suspended, ticket_), Forwarder::Suspend::suspended);
  forwarder->release();
  const Sent b = take_sent();
  EXPECT_EQ(deliver(b, reply_to(b.payload, 2)), ReplyEnd::taken);
  const Suspended* const again = forwarder->resume();
  ASSERT_NE(again, nullptr);
  EXPECT_EQ(again->frame.size(), 60U);
  EXPECT_EQ(again->frame[59], 1);
  EXPECT_EQ(last_byte(ask(first)), 1);
  EXPECT_EQ(last_byte(ask(second)), 2);
  forwarder->release();
}

TEST_F(Waiting, RepetitionReplacesTheFrameThatWaits) {
  make(settings_for(1));
  const Client client(1);
  ASSERT_EQ(ask(client).kind, Kind::pending);
  EXPECT_EQ(suspend(Message(60, 1)), Forwarder::Suspend::suspended);
  ASSERT_EQ(ask(client).kind, Kind::pending);
  EXPECT_EQ(suspend(Message(80, 2)), Forwarder::Suspend::repeated);
  ASSERT_EQ(ask(client).kind, Kind::pending);
  EXPECT_EQ(suspend(Message(70, 3)), Forwarder::Suspend::repeated);
  EXPECT_EQ(link.sent.size(), 1U);
  EXPECT_EQ(forwarder->counters().merged.value(), 0U);
  const Sent sent = take_sent();
  EXPECT_EQ(deliver(sent, reply_to(sent.payload, 1)), ReplyEnd::taken);
  const Suspended* const suspended = forwarder->resume();
  ASSERT_NE(suspended, nullptr);
  EXPECT_EQ(suspended->frame.size(), 80U);
  EXPECT_EQ(suspended->frame[0], 2);
  EXPECT_EQ(forwarder->resume(), nullptr);
}

TEST_F(Waiting, EarlyRequestsWaitForTheirRepetition) {
  make(settings_for(1));
  const Client client(1);
  EXPECT_EQ(ask(client, false, true).kind, Kind::pending);
  EXPECT_EQ(suspend(), Forwarder::Suspend::repeated);
  const Sent sent = take_sent();
  EXPECT_EQ(deliver(sent, reply_to(sent.payload, 1)), ReplyEnd::taken);
  EXPECT_EQ(forwarder->resume(), nullptr);
  EXPECT_EQ(last_byte(ask(client)), 1);
}

// Anything in any order: nobody is given what is not his, and nobody waits for ever.
TEST_F(Waiting, RandomOperations) {
  ForwardSettings with = settings_for(3);
  with.health_interval_ms = 1000;
  with.pass_notifies = with.pass_updates = true;
  with.slots = 16;
  with.waiting = 24;
  with.timeout_ms = 50;
  make(with, 3);
  std::mt19937 random(7);
  const auto below = [&](unsigned bound) { return static_cast<unsigned>(random() % bound); };
  const auto client_of = [&](unsigned number) {
    Client client(number, std::string(1, static_cast<char>('a' + number % 12)), number % 3 != 0);
    client.position += below(3);
    if (number % 17 == 0) client.query = query_for("u", static_cast<std::uint16_t>(number), 5, 6);
    if (number % 19 == 0) client.query = query_for("v", static_cast<std::uint16_t>(number), 4, 6);
    return client;
  };
  std::deque<Client> all;
  const auto ask_any = [&](const Client& client, bool continuation) {
    const QueryResult asked = ask(client, continuation, below(20) == 0);
    if (asked.kind == Kind::pending) (void)suspend(Message(20 + below(200), 3));
    if (asked.kind == Kind::answered) {
      // The question in the answer is the one asked, whatever its TTLs and records.
      EXPECT_GE(asked.reply.message.size(), 15U);
      if (asked.reply.message[5] == 1) {
        EXPECT_EQ(asked.reply.message[13], client.query[13]);
      }
    }
  };
  for (unsigned i = 0; i < 60'000; ++i) {
    switch (below(8)) {
      case 0:
      case 1:
      case 2:
        ask_any(client_of(below(200)), below(10) == 0);
        break;
      case 3:
      case 4:
        if (!link.sent.empty()) {
          const Sent sent = take_sent();
          static constexpr std::array<std::uint16_t, 6> kFlags{0x8180, 0x8180, 0x8180, 0x8380, 0x8182, 0x8185};
          Message reply =
              reply_to(sent.payload, static_cast<std::uint8_t>(i), kFlags[below(6)], below(3) == 0 ? 9000 : 0);
          if (below(9) == 0) reply[below(static_cast<unsigned>(reply.size()))] ^= 0x55;
          if (below(4) != 0) (void)deliver(sent, reply);
          if (below(9) == 0) (void)deliver(sent, reply);
        }
        break;
      case 5:
        if (!jobs->under_way.empty()) {
          const TcpJob& job = *jobs->under_way.front();
          const Message query(job.query.begin(), job.query.begin() + job.query_length);
          const auto result = static_cast<TcpJob::Result>(below(4));
          jobs->finish(result, result == TcpJob::Result::answered ? reply_to(query, 1) : Message{});
        }
        break;
      case 6:
        pass_ms(below(20));
        break;
      default:
        if (const Suspended* const suspended = forwarder->resume()) {
          EXPECT_GE(suspended->frame.size(), 20U);
          ask_any(client_of(below(200)), false);
          if (below(2) == 0) forwarder->release();
        }
    }
  }
  for (unsigned i = 0; i < 200; ++i) {
    while (!jobs->under_way.empty()) jobs->finish(TcpJob::Result::refused);
    pass_ms(50);
    for (; !link.sent.empty(); link.sent.pop_front()) {
      (void)deliver(link.sent.front(), reply_to(link.sent.front().payload, 1));
    }
    while (forwarder->resume() != nullptr) forwarder->release();
  }
  EXPECT_GT(forwarder->counters().waiting.value(), 1000U);
  EXPECT_EQ(forwarder->counters().waiting.value(), forwarder->counters().resumed.value());
  EXPECT_EQ(jobs->free.size(), 3U);
  // No slot was lost.
  for (unsigned i = 0; i < 16; ++i) EXPECT_TRUE(ask_and_park(Client(300 + i, numbered('x', i))));
  EXPECT_EQ(ask(Client(320, "y")).kind, Kind::failed);
  for (unsigned i = 0; i < 8; ++i) EXPECT_TRUE(ask_and_park(Client(400 + i, "x1")));
  EXPECT_EQ(ask(Client(500, "x1")).kind, Kind::failed);
}

}  // namespace
}  // namespace gl::backend::test
