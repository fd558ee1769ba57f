// The exercises of the chapter that are about RPC, with their answers.
#include "tests/unit/rpc_once_bench.h"

namespace gl::rpc_once {
namespace {

// Exercise 8: the server has sent reply[N] and hears nothing. Most likely ACK[N] was lost; it may also be that reply[N]
// was lost, and request[N] when it was sent again.
TEST(RpcExercises, Exercise8) {
  Bench bench;
  (void)bench.give(bench.request(1));
  const auto lost = bench.later();
  ASSERT_EQ(lost.size(), 1u);  // reply[1]: lost; request[1] sent again: lost, so it is not given
  const auto again = bench.later(1500);
  ASSERT_EQ(again, lost);  // the server's own timer
  (void)bench.give(bench.ack(1));
  EXPECT_TRUE(bench.later(20'000).empty());
  EXPECT_EQ(bench.executed(), 1u);
}

// Exercise 9: a read that is executed twice and returns other data the second time, because another has written
// between. That is no failure of idempotence: the request changed nothing, twice as little as once; it reads later.
TEST(RpcExercises, Exercise9) {
  Bench bench;
  Message count = bench.request(10);
  count.procedure = static_cast<std::uint8_t>(Procedure::count);
  count.body = {};
  const auto read = [&] {
    const auto replies = bench.give(count);
    return load_be<std::uint64_t>(parse_message(replies.at(0))->body.data());
  };
  EXPECT_EQ(read(), 0u);
  (void)bench.give(bench.request(1));
  (void)bench.later();
  EXPECT_EQ(read(), 1u);  // the same request
  EXPECT_EQ(bench.executed(), 1u);
}

// Exercise 10: several outstanding, replies in any order. ACKs are not cumulative: ACK[2] says nothing of call 1. A
// lost ACK has the reply sent again, and the client, which waits for it no longer, acknowledges it again.
TEST(RpcExercises, Exercise10) {
  Bench bench;
  for (const std::uint32_t call : {1u, 2u}) (void)bench.give(bench.request(call));
  ASSERT_EQ(bench.later().size(), 2u);
  (void)bench.give(bench.ack(2));
  EXPECT_EQ(bench.give(bench.request(1)).size(), 1u);  // is not taken for acknowledged
  rpc_client::Calls client({.client = kClient});
  (void)client.submit(Procedure::append, bytes_of(bench.line));
  std::vector<Wire> out = begin(client, bench.now);
  out = step(client, bench.give(*parse_message(out.at(0))).at(0), bench.now);  // denied: tells the boot counter
  const auto reply = bench.give(*parse_message(out.at(0)));
  ASSERT_EQ(reply.size(), 1u);
  for (std::uint64_t i = 0; i < 3; ++i) {
    out = step(client, reply[0], bench.now);
    ASSERT_EQ(out.size(), 1u);
    EXPECT_EQ(parse_message(out[0])->type, MessageType::ack);
    EXPECT_EQ(client.repeated_replies(), i);
  }
  EXPECT_EQ(client.take_outcomes().size(), 1u);
}

// Exercise 11: request[5] comes again after ACK[5], and after ACK[6]; the first request[5] comes after ACK[6]. (a)
// Serial calls: the server has to keep the highest number that it has executed: whatever is not higher is old. That is
// a window of one, and the base. (b) Several outstanding: it also has to keep which of the higher ones it has executed.
TEST(RpcExercises, Exercise11) {
  Bench bench;
  for (std::uint32_t call = 1; call <= 6; ++call) {  // (a): each says that those before are finished
    (void)bench.give(bench.request(call, call));
    ASSERT_EQ(bench.later().size(), 1u);
    (void)bench.give(bench.ack(call, call + 1));
    for (std::uint32_t old = 1; old <= call; ++old) EXPECT_TRUE(bench.give(bench.request(old, old)).empty());
  }
  EXPECT_TRUE(bench.later().empty());
  EXPECT_EQ(bench.executed(), 6u);
  (void)bench.give(bench.request(8, 7));  // (b): 8 before 7
  ASSERT_EQ(bench.later().size(), 1u);    // in spite of the gap
  (void)bench.give(bench.ack(8, 7));
  EXPECT_TRUE(bench.give(bench.request(8, 7)).empty());
  (void)bench.give(bench.request(7, 7));  // the first request[7], after ACK[8]
  ASSERT_EQ(bench.later().size(), 1u);
  EXPECT_EQ(bench.executed(), 8u);
}

// Exercise 12: (a) the client sends request[N] and is started anew before reply[N] comes: the reply carries the old
// counter, and is not taken. (b) It sends an unrelated request N at once: the server executes it as another call, and
// each reply says whose it is. (c) Without the counter in the reply, the first reply would be taken for the second's.
TEST(RpcExercises, Exercise12) {
  Bench bench;
  (void)bench.give(bench.request(1, 1, 1));
  const auto first = bench.later();
  ASSERT_EQ(first.size(), 1u);
  rpc_client::Calls second({.client = kClient, .client_boot = 2});
  (void)second.submit(Procedure::append, bytes_of("unrelated"));
  std::vector<Wire> out = begin(second, bench.now);
  out = step(second, bench.give(*parse_message(out.at(0))).at(0), bench.now);
  EXPECT_TRUE(step(second, first[0], bench.now).empty());  // (a)
  EXPECT_FALSE(second.finished());
  Wire without = first[0];  // (c): the counter that the client looks for is there, and the reply is the old one's
  store_be(without.data() + 16, std::uint32_t{2});
  rpc_client::Calls deceived = second;
  EXPECT_EQ(step(deceived, without, bench.now).size(), 1u);
  EXPECT_TRUE(deceived.finished());
  ASSERT_TRUE(bench.give(*parse_message(out.at(0))).empty());  // (b)
  const auto replies = bench.later();
  ASSERT_EQ(replies.size(), 1u);
  (void)step(second, replies[0], bench.now);
  EXPECT_TRUE(second.finished());
  EXPECT_EQ(bench.executed(), 2u);
}

}  // namespace
}  // namespace gl::rpc_once
