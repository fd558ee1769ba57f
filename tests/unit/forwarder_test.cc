// What a core does with questions and replies over UDP.
#include "tests/unit/forwarder_support.h"

namespace gl::backend::test {
namespace {

using Kind = QueryResult::Kind;
using ReplyEnd = Forwarder::ReplyEnd;

class Forwarding : public ForwarderTest {};

TEST_F(Forwarding, IsAnswered) {
  make(settings_for(1));
  const Client client(1);
  ASSERT_TRUE(ask_and_park(client));
  EXPECT_EQ(forwarder->resume(), nullptr);
  const Sent sent = take_sent();
  EXPECT_TRUE(link.sent.empty());
  pass_ms(3);
  EXPECT_EQ(deliver(sent, reply_to(sent.payload, 7)), ReplyEnd::taken);
  const Suspended* const suspended = forwarder->resume();
  ASSERT_NE(suspended, nullptr);
  EXPECT_EQ(suspended->frame.size(), 60U);
  const QueryResult asked = ask(client);
  EXPECT_EQ(asked.kind, Kind::answered);
  EXPECT_EQ(last_byte(asked), 7);
  EXPECT_EQ(asked.age_s, 0U);
  forwarder->release();
  EXPECT_EQ(forwarder->resume(), nullptr);
  EXPECT_EQ(forwarder->counters(0).latency.buckets[11].value(), 1U);  // 3000 us
  EXPECT_EQ(forwarder->counters().waiting.value(), 1U);
  EXPECT_EQ(forwarder->counters().resumed.value(), 1U);
}

TEST_F(Forwarding, EqualQuestionsAreAskedOnce) {
  make(settings_for(1));
  const Client a(1), b(2), c(3, "a", false);
  for (const Client* client : {&a, &b, &c}) ASSERT_TRUE(ask_and_park(*client));
  const Sent sent = take_sent();
  EXPECT_TRUE(link.sent.empty());
  EXPECT_EQ(forwarder->counters().merged.value(), 2U);
  EXPECT_EQ(deliver(sent, reply_to(sent.payload, 9)), ReplyEnd::taken);
  for (const Client* client : {&a, &b, &c}) EXPECT_EQ(last_byte(resume_and_ask(*client)), 9);
  // It is over: a later one is asked anew.
  EXPECT_TRUE(ask_and_park(Client(4)));
  EXPECT_EQ(link.sent.size(), 1U);
}

TEST_F(Forwarding, TimeOutGoesToAnotherBackendThenServfail) {
  make(settings_for(2));
  Client client(1);
  client.query = query_for("a", 78, 0, 1, 8);  // with EDNS
  ASSERT_TRUE(ask_and_park(client));
  const Sent first = take_sent();
  pass_ms(settings.timeout_ms - 1);
  EXPECT_TRUE(link.sent.empty());
  pass_ms(1);
  const Sent second = take_sent();
  EXPECT_NE(first.backend, second.backend);
  // What is asked for: 4096 bytes, then what needs no fragments.
  EXPECT_EQ(load_be<std::uint16_t>(first.payload.data() + 12 + 3 + 4 + 3), 4096);
  EXPECT_EQ(load_be<std::uint16_t>(second.payload.data() + 12 + 3 + 4 + 3), 1232);
  EXPECT_EQ(deliver(first, reply_to(first.payload, 1)), ReplyEnd::late);
  pass_ms(settings.timeout_ms);
  const QueryResult asked = resume_and_ask(client);
  EXPECT_EQ(asked.kind, Kind::failed);
  EXPECT_EQ(asked.info, 22);
  EXPECT_EQ(ask(client).kind, Kind::failed);  // the same again
  EXPECT_EQ(forwarder->counters().retried.value(), 1U);
  EXPECT_EQ(forwarder->counters().failed_timeout.value(), 2U);
  EXPECT_EQ(forwarder->counters(first.backend).timed_out.value(), 1U);
  EXPECT_EQ(forwarder->counters(first.backend).late.value(), 1U);
  // A failure serves nobody else.
  EXPECT_TRUE(ask_and_park(Client(2)));
}

TEST_F(Forwarding, WhatIsNotTheAskedReplyIsCountedAndIgnored) {
  make(settings_for(2));
  const Client client(1);
  ASSERT_TRUE(ask_and_park(client));
  const Sent sent = take_sent();
  const Message good = reply_to(sent.payload, 1);
  Message wrong_id = good;
  wrong_id[0] = static_cast<std::uint8_t>(wrong_id[0] ^ 1);
  EXPECT_EQ(deliver(sent, wrong_id), ReplyEnd::late);
  const auto ours = address_of(sent.backend);
  const auto other = address_of(1 - sent.backend);
  const std::array<std::uint8_t, 4> stranger{10, 0, 0, 1};
  EXPECT_EQ(forwarder->take_reply(wrong_id, stranger, 53, sent.port), ReplyEnd::late);
  const auto wrong_port = static_cast<std::uint16_t>(sent.port ^ 1);
  EXPECT_EQ(forwarder->take_reply(good, ours, 53, wrong_port), ReplyEnd::wrong);
  EXPECT_EQ(forwarder->take_reply(good, ours, 54, sent.port), ReplyEnd::wrong);
  EXPECT_EQ(forwarder->take_reply(good, other, 53, sent.port), ReplyEnd::wrong);
  EXPECT_EQ(deliver(sent, reply_to(query_for("b", sent.id()), 1)), ReplyEnd::wrong);
  EXPECT_EQ(deliver(sent, Message(5)), ReplyEnd::malformed);
  EXPECT_EQ(deliver(sent, sent.payload), ReplyEnd::malformed);  // a query
  EXPECT_EQ(forwarder->resume(), nullptr);
  const BackendCounters& counters = forwarder->counters(sent.backend);
  EXPECT_EQ(counters.wrong.value(), 4U);
  EXPECT_EQ(counters.late.value(), 1U);
  EXPECT_EQ(counters.malformed.value(), 2U);
  EXPECT_EQ(forwarder->counters().late.value(), 1U);
  EXPECT_EQ(deliver(sent, good), ReplyEnd::taken);
  EXPECT_EQ(deliver(sent, good), ReplyEnd::late);  // twice
  EXPECT_EQ(counters.late.value(), 2U);
  EXPECT_EQ(last_byte(resume_and_ask(client)), 1);
}

TEST_F(Forwarding, MalformedRecordsAreAnotherTry) {
  make(settings_for(2));
  const Client client(1);
  ASSERT_TRUE(ask_and_park(client));
  const Sent first = take_sent();
  Message cut = reply_to(first.payload, 1);
  cut.pop_back();
  EXPECT_EQ(deliver(first, cut), ReplyEnd::malformed);
  const Sent second = take_sent();
  EXPECT_NE(first.backend, second.backend);
  EXPECT_EQ(deliver(second, reply_to(second.payload, 6)), ReplyEnd::taken);
  EXPECT_EQ(last_byte(resume_and_ask(client)), 6);
}

TEST_F(Forwarding, ServfailIsAskedElsewhereThenPassedOn) {
  make(settings_for(2));
  const Client client(1);
  ASSERT_TRUE(ask_and_park(client));
  const Sent first = take_sent();
  EXPECT_EQ(deliver(first, reply_to(first.payload, 0, 0x8182)), ReplyEnd::taken);
  const Sent second = take_sent();
  EXPECT_NE(first.backend, second.backend);
  EXPECT_EQ(deliver(second, reply_to(second.payload, 0, 0x8182)), ReplyEnd::taken);
  const QueryResult asked = resume_and_ask(client);
  ASSERT_EQ(asked.kind, Kind::answered);
  EXPECT_EQ(asked.reply.message[3] & 0xf, 2);
  EXPECT_EQ(forwarder->counters(0).servfail.value() + forwarder->counters(1).servfail.value(), 2U);
}

}  // namespace
}  // namespace gl::backend::test
