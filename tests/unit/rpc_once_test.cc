// RPC with ACK: the messages, the reply cache, boot counters, and what is refused.
#include "tests/allocations.h"
#include "tests/unit/rpc_once_bench.h"

namespace gl::rpc_once {
namespace {

TEST(RpcMessage, TheBytesOfTheDocument) {
  const Message m{.type = MessageType::request,
                  .procedure = 2,
                  .client = kClient,
                  .client_boot = 3,
                  .server_boot = 0x64,
                  .call = 7,
                  .oldest = 5,
                  .body = bytes_of("hi")};
  const Wire wire = {'G', 'L', 'R', '1', 1, 2, 0,    0, 1, 2, 3, 4, 5, 6, 7, 8,   0,
                     0,   0,   3,   0,   0, 0, 0x64, 0, 0, 0, 7, 0, 0, 0, 5, 'h', 'i'};
  EXPECT_EQ(wire_of(m), wire);
  const auto parsed = parse_message(wire);
  ASSERT_TRUE(parsed);
  EXPECT_EQ(wire_of(*parsed), wire);
}

TEST(RpcMessage, WhatIsNoMessage) {
  const Message request{.procedure = 1, .client = 1, .client_boot = 1, .call = 1, .oldest = 1};
  const Wire good = wire_of(request);
  ASSERT_TRUE(parse_message(good));
  for (std::size_t length = 0; length < good.size(); ++length) EXPECT_FALSE(parse_message(Bytes(good).first(length)));
  EXPECT_TRUE(parse_message(wire_of([&] {
    Message m = request;
    static const Wire most(1024);
    m.body = most;
    return m;
  }())));
  Wire long_one(kHeaderSize + kMaxBody + 1);
  std::ranges::copy(good, long_one.begin());
  EXPECT_FALSE(parse_message(long_one));
  const auto with = [&](std::size_t at, std::uint8_t value) {
    Wire wire = good;
    wire[at] = value;
    return parse_message(wire).has_value();
  };
  EXPECT_FALSE(with(0, 'X'));
  EXPECT_FALSE(with(3, '2'));  // another version
  EXPECT_FALSE(with(4, 0));
  EXPECT_FALSE(with(4, 2));  // a reply has no oldest
  EXPECT_FALSE(with(4, 5));
  EXPECT_FALSE(with(7, 1));   // a request has no status
  EXPECT_FALSE(with(15, 0));  // no client
  EXPECT_FALSE(with(19, 0));  // no boot counter
  EXPECT_FALSE(with(27, 0));  // call 0
  EXPECT_FALSE(with(31, 0));
  EXPECT_FALSE(with(31, 2));  // its oldest call is a later one
  EXPECT_TRUE(with(5, 200));  // an unknown procedure is answered
}

TEST(RpcMessage, EveryByteSetToAnything) {
  const Wire good =
      wire_of({.type = MessageType::ack, .client = 1, .client_boot = 1, .server_boot = 1, .call = 1, .oldest = 1});
  for (std::size_t at = 0; at < good.size(); ++at) {
    for (unsigned value = 0; value < 256; ++value) {
      Wire wire = good;
      wire[at] = static_cast<std::uint8_t>(value);
      const auto parsed = parse_message(wire);
      EXPECT_TRUE(!parsed || wire_of(*parsed) == wire);
    }
  }
}

TEST(RpcOnce, OneCall) {
  Bench bench;
  EXPECT_TRUE(bench.give(bench.request(1)).empty());  // not before its line is written
  const auto replies = bench.later();
  ASSERT_EQ(replies.size(), 1u);
  const auto reply = parse_message(replies[0]);
  ASSERT_TRUE(reply && reply->type == MessageType::reply);
  EXPECT_EQ(reply->client_boot, 1u);
  EXPECT_EQ(reply->server_boot, kBoot);
  EXPECT_EQ(reply->call, 1u);
  EXPECT_EQ(load_be<std::uint64_t>(reply->body.data()), 1u);
  EXPECT_TRUE(bench.give(bench.ack(1, 2)).empty());
  EXPECT_EQ(bench.server.counter("acknowledged"), 1u);
  EXPECT_TRUE(bench.later(20'000).empty());
}

TEST(RpcOnce, ARepeatedRequestDrawsTheSameReplyUntilTheAck) {
  Bench bench;
  (void)bench.give(bench.request(1));
  EXPECT_TRUE(bench.give(bench.request(1)).empty());  // it is being executed
  const auto reply = bench.later();
  ASSERT_EQ(reply.size(), 1u);
  for (int i = 0; i < 5; ++i) EXPECT_EQ(bench.give(bench.request(1)), reply);
  EXPECT_EQ(bench.give(bench.request(1), 50000), reply);  // from another port: the same call
  (void)bench.give(bench.ack(1));
  EXPECT_TRUE(bench.give(bench.request(1)).empty());
  EXPECT_EQ(bench.executed(), 1u);
  EXPECT_EQ(bench.server.counter("repeated"), 6u);
  EXPECT_EQ(bench.server.counter("drop_executing"), 1u);
  EXPECT_EQ(bench.server.counter("drop_finished"), 1u);
}

// By itself the server sends no more than three times what it received.
TEST(RpcOnce, RepliesOfItsOwnAccordAreLimited) {
  Bench bench;
  (void)bench.give(bench.request(1));  // 51 bytes
  const auto replies = bench.later(30'000);
  EXPECT_EQ(replies.size(), 3u);  // of 40 bytes: a fourth would be 160
  EXPECT_EQ(bench.server.counter("resent"), 2u);
  EXPECT_EQ(bench.server.counter("drop_budget"), 1u);
  bench.line = std::string(1000, 'x');
  (void)bench.give(bench.request(2));
  EXPECT_EQ(bench.later(60'000).size(), 4u);  // after 0, 1, 3 and 7 s
}

TEST(RpcOnce, BootCountersOfTheServer) {
  Bench bench;
  for (const std::uint32_t boot : {0u, kBoot - 1, kBoot + 1}) {
    Message request = bench.request(1);
    request.server_boot = boot;
    const auto answers = bench.give(request);
    ASSERT_EQ(answers.size(), 1u);
    const auto denied = parse_message(answers[0]);
    ASSERT_TRUE(denied && denied->type == MessageType::denied);
    EXPECT_EQ(denied->status, static_cast<std::uint16_t>(DenyReason::server_boot));
    EXPECT_EQ(denied->server_boot, kBoot);
    EXPECT_EQ(answers[0].size(), kHeaderSize);
  }
  Message old = bench.ack(1);
  old.server_boot = kBoot - 1;
  EXPECT_TRUE(bench.give(old).empty());
  EXPECT_EQ(bench.executed(), 0u);
  EXPECT_EQ(bench.server.counter("denied_server_boot"), 3u);
  EXPECT_EQ(bench.server.counter("drop_old_ack"), 1u);
}

TEST(RpcOnce, ANewerClientDropsTheCallsOfTheOldOne) {
  Bench bench;
  (void)bench.give(bench.request(1));
  ASSERT_EQ(bench.later().size(), 1u);
  (void)bench.give(bench.request(1, 1, 2));  // another call, of the same number
  const auto replies = bench.later();
  ASSERT_EQ(replies.size(), 1u);
  EXPECT_EQ(parse_message(replies[0])->client_boot, 2u);
  EXPECT_EQ(bench.executed(), 2u);
  const auto denied = bench.give(bench.request(1, 1, 1));
  ASSERT_EQ(denied.size(), 1u);
  EXPECT_EQ(parse_message(denied[0])->status, static_cast<std::uint16_t>(DenyReason::client_boot));
  (void)bench.give(bench.ack(1, 1, 1));  // of the old one: does not end the new one's call
  EXPECT_EQ(bench.give(bench.request(1, 1, 2)), replies);
  EXPECT_EQ(bench.executed(), 2u);
}

TEST(RpcOnce, OutOfOrderWithinTheWindow) {
  Bench bench;
  for (const std::uint32_t call : {32u, 5u, 1u, 17u}) (void)bench.give(bench.request(call));
  EXPECT_EQ(bench.later().size(), 4u);
  (void)bench.give(bench.request(33));
  EXPECT_EQ(bench.server.counter("drop_outside_window"), 1u);
  (void)bench.give(bench.request(33, 2));  // call 1 is finished
  EXPECT_EQ(bench.later().size(), 1u);
  (void)bench.give(bench.request(1, 1));
  EXPECT_EQ(bench.server.counter("drop_finished"), 1u);
  EXPECT_EQ(bench.executed(), 5u);
}

TEST(RpcOnce, ItIsBounded) {
  Bench bench;
  Message request = bench.request(1);
  for (std::uint64_t id = 1; id <= 1000; ++id) {
    request.client = id;
    (void)bench.give(request);
    if (id % 100 == 0) (void)bench.later();
  }
  EXPECT_EQ(bench.server.counter("executed") + bench.server.counter("drop_table_full"), 1000u);
  EXPECT_EQ(bench.executed(), 64u);
  (void)bench.later(20'000);  // until nothing is sent again
  bench.now += kClientLifetimeMs;
  request.client = 5000;
  (void)bench.give(request);
  EXPECT_EQ(bench.later().size(), 1u);
}

TEST(RpcOnce, WhatNeedsNoTable) {
  Bench bench;
  Message echo = bench.request(1);
  echo.procedure = static_cast<std::uint8_t>(Procedure::echo);
  for (int i = 0; i < 3; ++i) {
    const auto replies = bench.give(echo);  // executed each time: it is idempotent
    ASSERT_EQ(replies.size(), 1u);
    EXPECT_EQ(replies[0].size(), wire_of(echo).size());
  }
  const auto status = [&](std::uint8_t procedure, std::string_view arguments) {
    Message request = echo;
    request.procedure = procedure;
    request.body = bytes_of(arguments);
    const auto replies = bench.give(request);
    return replies.size() == 1 ? parse_message(replies[0])->status : 99;
  };
  EXPECT_EQ(status(3, ""), 0);
  EXPECT_EQ(status(3, "x"), 2);
  EXPECT_EQ(status(2, ""), 2);
  EXPECT_EQ(status(0, ""), 1);
  EXPECT_EQ(status(77, ""), 1);
  EXPECT_EQ(bench.server.counter("idempotent"), 4u);
  EXPECT_EQ(bench.server.counter("refused_arguments"), 2u);
  EXPECT_EQ(bench.server.counter("refused_procedure"), 2u);
}

TEST(RpcOnce, NoLoops) {
  Bench bench;
  (void)bench.give(bench.request(1));
  const auto replies = bench.later();
  ASSERT_EQ(replies.size(), 1u);
  bench.server.receive(0, replies[0], 40000, bench.now);  // our own reply
  Message denied = bench.request(2);
  denied.server_boot = 1;
  const auto denials = bench.give(denied);
  ASSERT_EQ(denials.size(), 1u);
  bench.server.receive(0, denials[0], 40000, bench.now);
  EXPECT_EQ(bench.server.counter("drop_unexpected"), 2u);
  for (const int port : {7, 53, 1023}) EXPECT_TRUE(bench.give(denied, static_cast<std::uint16_t>(port)).empty());
  EXPECT_EQ(bench.server.counter("drop_source_port"), 3u);
  EXPECT_TRUE(bench.sent().empty());
}

// What a core calls takes nothing from the heap.
TEST(RpcOnce, AllocatesNothing) {
  Bench bench;
  std::vector<Wire> wires;
  for (std::uint32_t call = 1; call <= 32; ++call) {
    wires.push_back(wire_of(bench.request(call)));
    wires.push_back(wire_of(bench.ack(call)));
  }
  struct Nowhere final : DatagramSender {
    MutableBytes room(const Peer&) noexcept override { return out; }
    void send(const Peer&, std::uint16_t, std::size_t) noexcept override { ++sent; }
    std::array<std::uint8_t, 1500> out{};
    unsigned sent = 0;
  } sender;
  RpcOnceService::Shared shared;
  shared.server_boot = kBoot;
  const Registry registry;
  RpcOnceService core(shared, registry, 64);
  const std::array<std::uint8_t, 4> address = {192, 0, 2, 1};
  Datagram datagram{.peer = address.data(), .local = address.data(), .link = address.data(), .address_length = 4};
  datagram.peer_port = 40000;
  RpcOnceService::Execution execution;
  const std::uint64_t before = test::allocations_so_far();
  for (std::uint64_t now = 1; now < 20'000; now += 500) {
    for (const Wire& wire : wires) {
      Outbox::Sink sink(sender.out, 3 * wire.size());
      datagram.payload = wire;
      core.begin_burst(now);
      core.receive(datagram, sink);
    }
    while (core.take(execution)) core.finish({execution.handle, ReplyStatus::success, now});
    core.on_time(now, sender);
  }
  EXPECT_EQ(test::allocations_so_far(), before);
  EXPECT_EQ(sender.sent, 32u);
}

}  // namespace
}  // namespace gl::rpc_once
