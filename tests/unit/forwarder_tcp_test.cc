// What goes to the backends over TCP, and what they are told of the client.
#include "tests/unit/forwarder_support.h"

namespace gl::backend::test {
namespace {

using Kind = QueryResult::Kind;
using ReplyEnd = Forwarder::ReplyEnd;

class ForwardingOverTcp : public ForwarderTest {};

TEST_F(ForwardingOverTcp, TruncatedIsAskedOverTcpForStreamsOnly) {
  make(settings_for(1));
  const Client datagram(1, "a", false);
  ASSERT_TRUE(ask_and_park(datagram));
  const Sent first = take_sent();
  EXPECT_EQ(deliver(first, reply_to(first.payload, 0, 0x8380)), ReplyEnd::taken);
  EXPECT_TRUE(resume_and_ask(datagram).reply.truncated);
  EXPECT_TRUE(jobs->under_way.empty());

  const Client stream(2);
  ASSERT_TRUE(ask_and_park(stream));
  const Sent second = take_sent();
  EXPECT_EQ(deliver(second, reply_to(second.payload, 0, 0x8380)), ReplyEnd::taken);
  EXPECT_EQ(forwarder->resume(), nullptr);
  ASSERT_EQ(jobs->under_way.size(), 1U);
  const TcpJob& job = *jobs->under_way.front();
  const Message asked_over_tcp(job.query.begin(), job.query.begin() + job.query_length);
  jobs->finish(TcpJob::Result::answered, reply_to(asked_over_tcp, 4, 0x8180, 3000));
  pass_ms(1);
  const QueryResult asked = resume_and_ask(stream);
  ASSERT_EQ(asked.kind, Kind::answered);
  EXPECT_GT(asked.reply.message.size(), 3000U);
  EXPECT_EQ(jobs->free.size(), 4U);
  EXPECT_EQ(forwarder->counters(0).answered_tcp.value(), 1U);
}

TEST_F(ForwardingOverTcp, AReplyCutShortIsAskedOverTcp) {
  make(settings_for(1));
  const Client stream(2);
  ASSERT_TRUE(ask_and_park(stream));
  const Sent sent = take_sent();
  Message cut = reply_to(sent.payload, 0, 0x8180, 5000);
  cut.resize(1500);
  EXPECT_EQ(forwarder->take_reply(cut, address_of(sent.backend), 53, sent.port, ReplyForm::cut_short), ReplyEnd::taken);
  EXPECT_EQ(forwarder->resume(), nullptr);
  ASSERT_EQ(jobs->under_way.size(), 1U);
  jobs->finish(TcpJob::Result::answered, reply_to(sent.payload, 4, 0x8180, 5000));
  pass_ms(1);
  const QueryResult asked = resume_and_ask(stream);
  ASSERT_EQ(asked.kind, Kind::answered);
  EXPECT_GT(asked.reply.message.size(), 5000U);
  EXPECT_EQ(forwarder->counters(0).cut_short.value(), 1U);
  EXPECT_EQ(forwarder->counters(0).truncated.value(), 1U);
}

TEST_F(ForwardingOverTcp, ServedTruncatedReplyIsNoAnswerForAStream) {
  ForwardSettings with = settings_for(1);
  with.serve_s = 10;
  make(with);
  const Client datagram(1, "a", false);
  ASSERT_TRUE(ask_and_park(datagram));
  const Sent sent = take_sent();
  EXPECT_EQ(deliver(sent, reply_to(sent.payload, 0, 0x8380)), ReplyEnd::taken);
  EXPECT_TRUE(resume_and_ask(datagram).reply.truncated);
  const Client stream(2);
  ASSERT_TRUE(ask_and_park(stream));
  EXPECT_TRUE(link.sent.empty());
  EXPECT_EQ(jobs->under_way.size(), 1U);
}

TEST_F(ForwardingOverTcp, AStreamThatJoinsWantsTheWholeAnswer) {
  make(settings_for(1));
  const Client datagram(1, "a", false), stream(2);
  ASSERT_TRUE(ask_and_park(datagram));
  ASSERT_TRUE(ask_and_park(stream));
  const Sent sent = take_sent();
  EXPECT_EQ(deliver(sent, reply_to(sent.payload, 0, 0x8380)), ReplyEnd::taken);
  EXPECT_EQ(forwarder->resume(), nullptr);
  jobs->finish(TcpJob::Result::answered, reply_to(sent.payload, 4));
  pass_ms(1);
  EXPECT_EQ(last_byte(resume_and_ask(datagram)), 4);
  EXPECT_EQ(last_byte(resume_and_ask(stream)), 4);
}

TEST_F(ForwardingOverTcp, TruncatedWithoutTcpFailsForStreams) {
  ForwardSettings with = settings_for(1);
  with.backends[0].tcp = false;
  make(with);
  const Client datagram(1, "a", false), stream(2);
  ASSERT_TRUE(ask_and_park(datagram));
  ASSERT_TRUE(ask_and_park(stream));
  const Sent sent = take_sent();
  EXPECT_EQ(deliver(sent, reply_to(sent.payload, 0, 0x8380)), ReplyEnd::taken);
  EXPECT_TRUE(resume_and_ask(datagram).reply.truncated);
  EXPECT_EQ(resume_and_ask(stream).info, 23);
  EXPECT_EQ(forwarder->counters().failed_reply.value(), 1U);
}

TEST_F(ForwardingOverTcp, TcpFailsOverToTheNextBackendThenServfail) {
  make(settings_for(2), 1);
  Client client(1);
  client.query = query_for("a", 1, 0, 1, 700);  // too long for a slot: over TCP at once
  ASSERT_TRUE(ask_and_park(client));
  EXPECT_TRUE(link.sent.empty());
  ASSERT_EQ(jobs->under_way.size(), 1U);
  const unsigned first = jobs->under_way.front()->backend;
  jobs->finish(TcpJob::Result::refused);
  pass_ms(1);
  ASSERT_EQ(jobs->under_way.size(), 1U);
  EXPECT_NE(jobs->under_way.front()->backend, first);
  Client other(2);
  other.query = query_for("b", 1, 0, 1, 700);
  EXPECT_EQ(ask(other).kind, Kind::failed);  // the only job is out
  jobs->finish(TcpJob::Result::timed_out);
  pass_ms(1);
  EXPECT_EQ(resume_and_ask(client).kind, Kind::failed);
  EXPECT_EQ(jobs->free.size(), 1U);
  EXPECT_EQ(forwarder->counters(0).failed_tcp.value() + forwarder->counters(1).failed_tcp.value(), 2U);
}

// More questions than jobs: they take turns, oldest first.
TEST_F(ForwardingOverTcp, QuestionsWaitForAFreeJob) {
  make(settings_for(1), 1);
  const Client first(1, "a"), second(2, "b"), third(3, "c");
  for (const Client& client : {first, second, third}) {
    ASSERT_TRUE(ask_and_park(client));
    const Sent sent = take_sent();
    EXPECT_EQ(deliver(sent, reply_to(sent.payload, 0, 0x8380)), ReplyEnd::taken);
  }
  std::uint8_t number = 0;
  for (const Client& client : {first, second, third}) {
    ASSERT_EQ(jobs->under_way.size(), 1U);
    jobs->finish(TcpJob::Result::answered, reply_to(client.query, ++number));
    pass_ms(1);
    EXPECT_EQ(last_byte(resume_and_ask(client)), number);
  }
  EXPECT_EQ(jobs->free.size(), 1U);
  EXPECT_EQ(forwarder->counters(0).sent_tcp.value(), 3U);
}

TEST_F(ForwardingOverTcp, WhoWaitsForAJobInVainFails) {
  make(settings_for(1), 1);
  const Client first(1, "a"), second(2, "b");
  for (const Client& client : {first, second}) {
    ASSERT_TRUE(ask_and_park(client));
    const Sent sent = take_sent();
    EXPECT_EQ(deliver(sent, reply_to(sent.payload, 0, 0x8380)), ReplyEnd::taken);
  }
  pass_ms(1600);
  EXPECT_EQ(resume_and_ask(second).kind, Kind::failed);
  EXPECT_EQ(forwarder->counters().failed_full.value(), 1U);
  jobs->finish(TcpJob::Result::answered, reply_to(first.query, 1));
  pass_ms(1);
  EXPECT_EQ(last_byte(resume_and_ask(first)), 1);
}

TEST_F(ForwardingOverTcp, LostJobEndsTooAndIsNotMistakenLater) {
  make(settings_for(1), 2);
  Client client(1), other(2);
  client.query = query_for("a", 1, 0, 1, 700);
  other.query = query_for("b", 1, 0, 1, 700);
  ASSERT_TRUE(ask_and_park(client));
  pass_ms(13'000);
  EXPECT_EQ(resume_and_ask(client).kind, Kind::failed);
  EXPECT_TRUE(ask_and_park(other));  // the slot again
  jobs->finish(TcpJob::Result::answered, reply_to(client.query, 1));
  pass_ms(1);
  EXPECT_EQ(forwarder->resume(), nullptr);
  jobs->finish(TcpJob::Result::answered, reply_to(other.query, 2));
  pass_ms(1);
  EXPECT_EQ(last_byte(resume_and_ask(other)), 2);
  EXPECT_EQ(jobs->free.size(), 2U);
}

TEST_F(ForwardingOverTcp, TransferComesOverTcp) {
  ForwardSettings with = settings_for(1);
  with.pass_transfers = true;
  make(with);
  Client client(1);
  client.query = query_for("a", 5, 0, 252);
  ASSERT_TRUE(ask_and_park(client));
  ASSERT_EQ(jobs->under_way.size(), 1U);
  EXPECT_TRUE(jobs->under_way.front()->transfer);
  jobs->finish(TcpJob::Result::answered, reply_to(client.query, 3));
  pass_ms(1);
  const QueryResult asked = resume_and_ask(client);
  EXPECT_EQ(asked.kind, Kind::answered);
  EXPECT_TRUE(asked.reply.framed);
}

TEST_F(ForwardingOverTcp, TransferThatIsTooLongIsTooLongEverywhere) {
  ForwardSettings with = settings_for(2);
  with.pass_transfers = true;
  make(with);
  Client client(1);
  client.query = query_for("a", 5, 0, 252);
  ASSERT_TRUE(ask_and_park(client));
  jobs->finish(TcpJob::Result::too_long);
  pass_ms(1);
  EXPECT_EQ(resume_and_ask(client).info, 23);
  EXPECT_TRUE(jobs->under_way.empty());
  EXPECT_EQ(forwarder->counters().retried.value(), 0U);
}

TEST_F(ForwardingOverTcp, TellsProxyBackendsWhoAsks) {
  ForwardSettings with = settings_for(2);
  with.health_interval_ms = 1000;
  with.backends[0].proxy = true;
  with.pools[0].backends = {0};
  make(with);
  pass_ms(100);
  constexpr std::size_t kHeader = 16 + 12;
  const Sent check = take_sent();
  ASSERT_GT(check.payload.size(), kHeader);
  EXPECT_EQ(check.payload[0], 0x0d);
  const Message inner(check.payload.begin() + kHeader, check.payload.end());
  EXPECT_EQ(deliver(check, reply_to(inner, 1)), ReplyEnd::taken);
  const Client client(1), elsewhere(2);
  ASSERT_TRUE(ask_and_park(client));
  ASSERT_TRUE(ask_and_park(elsewhere));  // nobody is merged with another
  ASSERT_EQ(link.sent.size(), 2U);
  const Sent sent = take_sent();
  EXPECT_TRUE(std::equal(client.flow.begin(), client.flow.end(), sent.payload.begin() + 16));
  const Message question(sent.payload.begin() + kHeader, sent.payload.end());
  EXPECT_EQ(deliver(sent, reply_to(question, 0, 0x8380)), ReplyEnd::taken);
  ASSERT_EQ(jobs->under_way.size(), 1U);
  EXPECT_EQ(jobs->under_way.front()->preamble_length, kHeader);
  EXPECT_EQ(jobs->under_way.front()->query[16], 192);
}

TEST_F(ForwardingOverTcp, PreambleFollowsTheBackendOfTheTry) {
  ForwardSettings with = settings_for(2);
  with.backends[0].proxy = true;
  make(with);
  for (unsigned i = 0; i < 8; ++i) {
    Client client(i);
    client.query = query_for("a", static_cast<std::uint16_t>(i), 0, 1, 700);
    ASSERT_TRUE(ask_and_park(client));
    const TcpJob& job = *jobs->under_way.front();
    const unsigned first = job.backend;
    const auto message_of = [](const TcpJob& j) {
      return Message(j.query.begin() + j.preamble_length, j.query.begin() + j.query_length);
    };
    const Message message = message_of(job);
    EXPECT_EQ(job.preamble_length, first == 0 ? 28 : 0);
    jobs->finish(TcpJob::Result::refused);
    pass_ms(1);
    const TcpJob& again = *jobs->under_way.front();
    EXPECT_NE(again.backend, first);
    EXPECT_EQ(again.preamble_length, again.backend == 0 ? 28 : 0);
    EXPECT_EQ(message_of(again), message);
    if (again.backend == 0) {
      EXPECT_TRUE(std::equal(client.flow.begin(), client.flow.end(), again.query.begin() + 16));
    }
    jobs->finish(TcpJob::Result::timed_out);
    pass_ms(1);
    EXPECT_EQ(resume_and_ask(client).kind, Kind::failed);
  }
}

}  // namespace
}  // namespace gl::backend::test
