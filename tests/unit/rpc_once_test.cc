// RPC with ACK: the messages, the reply cache, boot counters, what is refused, and the chapter's exercises about it.
#include <sys/resource.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <fstream>

#include "lib/services/rpc_once/boot_counter.h"
#include "lib/services/rpc_once/journal.h"
#include "tests/unit/rpc_once_world.h"

namespace gl::rpc_once {
namespace {

constexpr std::uint64_t kClient = 0x0102030405060708;
constexpr std::uint32_t kBoot = 100;

Wire wire_of(const Message& message) {
  Wire wire(kHeaderSize + message.body.size());
  EXPECT_EQ(write_message(message, wire), wire.size());
  return wire;
}

// What a client sends when it is given this, and its time has come.
std::vector<Wire> step(Calls& client, const Wire& datagram, std::uint64_t now) {
  std::vector<Wire> out;
  client.receive(datagram, now, out);
  return out;
}
std::vector<Wire> begin(Calls& client, std::uint64_t now) {
  std::vector<Wire> out;
  client.on_time(now, out);
  return out;
}

// A client by hand, in front of one core.
struct Bench {
  Message request(std::uint32_t call, std::uint32_t oldest = 1, std::uint32_t boot = 1) const {
    return {.procedure = static_cast<std::uint8_t>(Procedure::append),
            .client = kClient,
            .client_boot = boot,
            .server_boot = kBoot,
            .call = call,
            .oldest = oldest,
            .body = bytes_of(line)};
  }
  Message ack(std::uint32_t call, std::uint32_t oldest = 1, std::uint32_t boot = 1) const {
    return {.type = MessageType::ack,
            .client = kClient,
            .client_boot = boot,
            .server_boot = kBoot,
            .call = call,
            .oldest = oldest};
  }
  // What comes back at once.
  std::vector<Wire> give(const Message& message, std::uint16_t port = 40000) {
    server.receive(0, wire_of(message), port, now);
    return sent();
  }
  // What comes back once the main core and the clock have had their turn.
  std::vector<Wire> later(std::uint64_t ms = 1) {
    server.execute();
    std::vector<Wire> all;
    for (const std::uint64_t end = now + ms; now < end;) {
      server.on_time(++now);
      for (Wire& wire : sent()) all.push_back(std::move(wire));
    }
    return all;
  }
  std::vector<Wire> sent() {
    std::vector<Wire> wires;
    for (auto& each : server.sent()) wires.push_back(std::move(each.datagram));
    return wires;
  }
  std::uint32_t executed() const { return static_cast<std::uint32_t>(server.journal.size()); }

  Server server{1, kBoot};
  std::uint64_t now = 1000;
  std::string line = "a line of ten or so";
};

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

class Files : public testing::Test {
 protected:
  Files() : folder_(std::filesystem::temp_directory_path() / ("rpc_once_" + std::to_string(getpid()))) {
    std::filesystem::create_directory(folder_);
  }
  ~Files() override { std::filesystem::remove_all(folder_); }
  [[nodiscard]] std::string path(const char* name) const { return folder_ / name; }
  static std::string content(const std::string& path) {
    std::ifstream file(path);
    return {std::istreambuf_iterator<char>(file), {}};
  }

 private:
  const std::filesystem::path folder_;
};
using RpcBootCounter = Files;
using RpcJournal = Files;

TEST_F(RpcBootCounter, GrowsWithEachStart) {
  EXPECT_EQ(*next_boot_counter("", 1000), 1000u);
  EXPECT_EQ(*next_boot_counter(path("state"), 1000), 1000u);
  EXPECT_EQ(*next_boot_counter(path("state"), 1000), 1001u);  // within a second
  EXPECT_EQ(*next_boot_counter(path("state"), 5), 1002u);     // the clock was set back
  EXPECT_EQ(*next_boot_counter(path("state"), 5000), 5000u);
  EXPECT_EQ(content(path("state")), "5000\n");
  EXPECT_FALSE(std::filesystem::exists(path("state.new")));
}

TEST_F(RpcBootCounter, AFileOfSomethingElseStays) {
  for (const char* text : {"", "x\n", "-1\n", "4294967295\n", "99999999999\n"}) {
    std::ofstream(path("state")) << text;
    EXPECT_FALSE(next_boot_counter(path("state"), 1000)) << text;
    EXPECT_EQ(content(path("state")), text);
  }
  EXPECT_FALSE(next_boot_counter(path("nowhere/state"), 1000));
}

TEST_F(RpcJournal, GoesOnCounting) {
  {
    Journal journal(path("journal"));
    ASSERT_FALSE(*journal.open());
    EXPECT_FALSE(journal.append("1 a\n2 b\n", 2));
    EXPECT_EQ(journal.lines(), 2u);
    Journal another(path("journal"));
    EXPECT_FALSE(another.open());  // one process has it
  }
  std::ofstream(path("journal"), std::ios::app) << "3 to";
  Journal journal(path("journal"));
  ASSERT_TRUE(*journal.open());  // the torn line is cut off
  EXPECT_EQ(journal.lines(), 2u);
  EXPECT_FALSE(journal.append("3 c\n", 1));
  EXPECT_EQ(content(path("journal")), "1 a\n2 b\n3 c\n");
}

TEST_F(RpcJournal, AFullDiskLeavesNoHalf) {
  Journal journal(path("journal"));
  ASSERT_FALSE(*journal.open());
  ASSERT_FALSE(journal.append("1 a\n", 1));
  rlimit before{};
  ASSERT_EQ(getrlimit(RLIMIT_FSIZE, &before), 0);
  const auto handler = std::signal(SIGXFSZ, SIG_IGN);
  const rlimit small{6, before.rlim_max};
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &small), 0);
  EXPECT_TRUE(journal.append("2 b\n", 1));
  EXPECT_EQ(setrlimit(RLIMIT_FSIZE, &before), 0);
  (void)std::signal(SIGXFSZ, handler);
  EXPECT_EQ(journal.lines(), 1u);
  EXPECT_FALSE(journal.append("2 c\n", 1));
  EXPECT_EQ(content(path("journal")), "1 a\n2 c\n");
}

TEST_F(RpcJournal, IsAnOrdinaryFile) {
  EXPECT_FALSE(Journal("/dev/full").open());
  EXPECT_FALSE(Journal(path("nowhere/journal")).open());
}

}  // namespace
}  // namespace gl::rpc_once
