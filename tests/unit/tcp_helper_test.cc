// The TCP helper against a server on loopback that answers, lies, hesitates and hangs up.
#include <gtest/gtest.h>

#include <string_view>

#include "tests/unit/tcp_test_messages.h"
#include "tests/unit/tcp_test_server.h"

namespace gl::test {
namespace {

using backend::TcpJob;
using tcp_client::TcpHelper;
using Result = TcpJob::Result;

void answer_all(const Connection& connection) {
  Message query;
  while (connection.read_message(query)) connection.write_message(answer_to(query));
}

// One server as the only backend, and a helper that runs.
struct World {
  explicit World(TestServer::Script script, tcp_client::TcpHelperLimits limits = {})
      : server(std::move(script)), helper(add(settings, server.settings()), {&jobs}, limits) {
    const Status status = helper.start();
    EXPECT_TRUE(status) << status.error();
  }
  static backend::ForwardSettings& add(backend::ForwardSettings& settings, const backend::BackendSettings& backend) {
    settings.backends.push_back(backend);
    return settings;
  }
  // Submits and waits.
  Result ask(TcpJob& job) {
    const std::size_t before = jobs.completed();
    jobs.submit(job);
    EXPECT_TRUE(jobs.wait_for(before + 1));
    return job.result;
  }
  Result ask(const Message& query, std::uint32_t timeout_ms = 2000) { return ask(jobs.add(query, timeout_ms)); }

  backend::ForwardSettings settings;
  TestJobs jobs;
  TestServer server;
  TcpHelper helper;
};

Message reply_of(const TcpJob& job) {
  return Message(job.reply.get(), job.reply.get() + job.reply_length);
}

TEST(TcpHelper, GivesTheReplyBehindItsLength) {
  World world(answer_all);
  const Message query = make_query("www.example.test.", 1, 0x1234);
  TcpJob& job = world.jobs.add(query);
  ASSERT_EQ(world.ask(job), Result::answered);
  EXPECT_EQ(reply_of(job), Connection::framed(answer_to(query)));
  EXPECT_EQ(world.helper.counters().bytes_sent.value(), query.size() + 2);
  EXPECT_EQ(world.helper.counters().bytes_received.value(), job.reply_length);
}

TEST(TcpHelper, PutsPiecesTogether) {
  World world([](const Connection& connection) {
    Message query;
    ASSERT_TRUE(connection.read_message(query));
    for (const std::uint8_t byte : Connection::framed(answer_to(query))) {
      connection.write({byte});
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    connection.wait_for_end();
  });
  const Message query = make_query("www.example.test.", 1, 7);
  TcpJob& job = world.jobs.add(query);
  ASSERT_EQ(world.ask(job), Result::answered);
  EXPECT_EQ(reply_of(job), Connection::framed(answer_to(query)));
}

TEST(TcpHelper, TakesTheLongestReply) {
  World world([](const Connection& connection) {
    Message query;
    ASSERT_TRUE(connection.read_message(query));
    Message reply = answer_to(query);
    reply.resize(65535);
    connection.write_message(reply);
    connection.wait_for_end();
  });
  TcpJob& job = world.jobs.add(make_query("long.example.test.", 16, 7));
  ASSERT_EQ(world.ask(job), Result::answered);
  EXPECT_EQ(job.reply_length, TcpJob::kMaxReply);
}

// What is done to a good reply before it is sent, and what the helper says then.
struct Lie {
  const char* name;
  void (*change)(Message&);
};

class TcpHelperLies : public testing::TestWithParam<Lie> {};

TEST_P(TcpHelperLies, AreMalformed) {
  World world([](const Connection& connection) {
    Message query;
    if (!connection.read_message(query)) return;
    Message reply = answer_to(query);
    GetParam().change(reply);
    connection.write_message(reply);
    connection.wait_for_end();
  });
  TcpJob& job = world.jobs.add(make_query("www.example.test.", 1, 0x0102));
  EXPECT_EQ(world.ask(job), Result::malformed);
  EXPECT_EQ(job.reply_length, 0U);
  EXPECT_EQ(world.helper.counters().malformed.value(), 1U);
}

INSTANTIATE_TEST_SUITE_P(
    All, TcpHelperLies,
    testing::Values(Lie{"Id", [](Message& m) { m[1] ^= 1; }}, Lie{"NoReply", [](Message& m) { m[2] &= 0x7f; }},
                    Lie{"Opcode", [](Message& m) { m[2] ^= 0x20; }}, Lie{"Name", [](Message& m) { m[13] = 'x'; }},
                    Lie{"Type", [](Message& m) { m[12 + 18 + 1] = 28; }},
                    Lie{"NoQuestion", [](Message& m) { m.resize(12), m[5] = m[7] = 0; }},
                    Lie{"NoHeader", [](Message& m) { m.resize(11); }}, Lie{"Empty", [](Message& m) { m.clear(); }}),
    [](const auto& lie) { return lie.param.name; });

TEST(TcpHelper, ALyingConnectionIsNotUsedAgain) {
  World world([](const Connection& connection) {
    Message query;
    if (!connection.read_message(query)) return;
    Message reply = answer_to(query);
    if (connection.number() == 0) reply[0] ^= 1;
    connection.write_message(reply);
    connection.wait_for_end();
  });
  EXPECT_EQ(world.ask(make_query("a.test.", 1, 1)), Result::malformed);
  EXPECT_EQ(world.ask(make_query("a.test.", 1, 2)), Result::answered);
  EXPECT_EQ(world.server.connections(), 2U);
}

TEST(TcpHelper, HangingUpIsRefused) {
  World world([](const Connection& connection) {
    Message query;
    if (!connection.read_message(query)) return;
    const Message all = Connection::framed(answer_to(query));
    connection.write(Message(all.begin(), all.begin() + (connection.number() == 0 ? 0 : 20)));
  });
  EXPECT_EQ(world.ask(make_query("a.test.", 1, 1)), Result::refused);  // before the reply
  EXPECT_EQ(world.ask(make_query("a.test.", 1, 2)), Result::refused);  // within
  EXPECT_EQ(world.server.connections(), 2U);
  EXPECT_EQ(world.helper.counters().stale.value(), 0U);
}

TEST(TcpHelper, NobodyListens) {
  World world(answer_all);
  std::uint16_t port = 0;
  close(listen_on_loopback(port));
  world.settings.backends[0].tcp_port = port;
  EXPECT_EQ(world.ask(make_query("a.test.", 1, 1)), Result::refused);
}

TEST(TcpHelper, WhoMayNotBeAskedOverTcpIsNot) {
  World world(answer_all);
  world.settings.backends[0].tcp = false;
  EXPECT_EQ(world.ask(make_query("a.test.", 1, 1)), Result::refused);
  TcpJob& job = world.jobs.add(make_query("a.test.", 1, 1));
  job.backend = 1;  // there is none
  EXPECT_EQ(world.ask(job), Result::refused);
  EXPECT_EQ(world.server.connections(), 0U);
}

TEST(TcpHelper, SilenceEndsInTime) {
  World world([](const Connection& connection) { connection.wait_for_end(); });
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_EQ(world.ask(make_query("a.test.", 1, 1), 100), Result::timed_out);
  const auto took = std::chrono::steady_clock::now() - begin;
  EXPECT_GE(took, std::chrono::milliseconds(99));
  EXPECT_LT(took, std::chrono::milliseconds(1000));
  // A late answer would have come over that connection: it is gone.
  EXPECT_EQ(world.ask(make_query("a.test.", 1, 2), 100), Result::timed_out);
  EXPECT_EQ(world.server.connections(), 2U);
}

TEST(TcpHelper, UsesAConnectionAgain) {
  World world(answer_all);
  for (std::uint16_t id = 0; id < 20; ++id) EXPECT_EQ(world.ask(make_query("a.test.", 1, id)), Result::answered);
  EXPECT_EQ(world.server.connections(), 1U);
  EXPECT_EQ(world.helper.counters().opened.value(), 1U);
  EXPECT_EQ(world.helper.counters().reused.value(), 19U);
}

TEST(TcpHelper, WhatComesBehindTheAnswerEndsTheConnection) {
  World world([](const Connection& connection) {
    Message query;
    if (!connection.read_message(query)) return;
    Message all = Connection::framed(answer_to(query));
    all.push_back(0);
    connection.write(all);
    connection.wait_for_end();
  });
  EXPECT_EQ(world.ask(make_query("a.test.", 1, 1)), Result::answered);
  EXPECT_EQ(world.ask(make_query("a.test.", 1, 2)), Result::answered);
  EXPECT_EQ(world.server.connections(), 2U);
}

TEST(TcpHelper, EndsAnIdleConnection) {
  World world(answer_all, {.connections = 4, .waiting = 16, .idle_ms = 50});
  EXPECT_EQ(world.ask(make_query("a.test.", 1, 1)), Result::answered);
  std::this_thread::sleep_for(std::chrono::milliseconds(200));
  EXPECT_EQ(world.helper.counters().closed_idle.value(), 1U);
  EXPECT_EQ(world.ask(make_query("a.test.", 1, 2)), Result::answered);
  EXPECT_EQ(world.server.connections(), 2U);
}

TEST(TcpHelper, AsksAgainWhereAUsedConnectionWasClosing) {
  std::atomic<unsigned> queries{0};
  World world([&](const Connection& connection) {
    Message query;
    if (!connection.read_message(query)) return;
    ++queries;
    connection.write_message(answer_to(query));
    if (!connection.read_message(query)) return;
    ++queries;
    if (connection.number() == 0) return;  // hangs up on its second question
    connection.write_message(answer_to(query));
    connection.wait_for_end();
  });
  EXPECT_EQ(world.ask(make_query("a.test.", 1, 1)), Result::answered);
  EXPECT_EQ(world.ask(make_query("a.test.", 1, 2)), Result::answered);
  EXPECT_EQ(world.helper.counters().stale.value(), 1U);
  EXPECT_EQ(world.server.connections(), 2U);
  EXPECT_EQ(queries.load(), 3U);
}

TEST(TcpHelper, UpdatesAndNotifiesAreNeverSentTwice) {
  std::atomic<unsigned> updates{0};
  World world([&](const Connection& connection) {
    Message query;
    while (connection.read_message(query)) {
      if ((query[2] & 0x78) != 0) {
        ++updates;
        return;
      }
      connection.write_message(answer_to(query));
    }
  });
  for (const std::uint8_t opcode : {std::uint8_t{4}, std::uint8_t{5}}) {
    EXPECT_EQ(world.ask(make_query("a.test.", 6, 1)), Result::answered);  // leaves a connection that is not taken
    EXPECT_EQ(world.ask(make_query("a.test.", 6, 2, opcode)), Result::refused);
  }
  EXPECT_EQ(updates.load(), 2U);
  EXPECT_EQ(world.server.connections(), 3U);
}

TEST(TcpHelper, TheAnswerToAnUpdateMayLackItsZone) {
  World world([](const Connection& connection) {
    Message query;
    if (!connection.read_message(query)) return;
    Message reply(query.begin(), query.begin() + 12);
    reply[2] |= 0x80;
    reply[5] = 0;
    connection.write_message(reply);
    connection.wait_for_end();
  });
  EXPECT_EQ(world.ask(make_query("a.test.", 6, 1, 5)), Result::answered);
}

TEST(TcpHelper, AConnectionWithAPreambleIsNoOtherClients) {
  const std::string_view preamble = "who asks";
  std::atomic<unsigned> seen{0};
  World world([&](const Connection& connection) {
    Message query(preamble.size());
    if (!connection.read(query.data(), query.size())) return;
    if (std::equal(query.begin(), query.end(), preamble.begin())) ++seen;
    answer_all(connection);
  });
  for (std::uint16_t id = 0; id < 2; ++id) {
    const Message query = make_query("a.test.", 1, id);
    Message all(preamble.begin(), preamble.end());
    all.insert(all.end(), query.begin(), query.end());
    TcpJob& job = world.jobs.add(all);
    job.preamble_length = static_cast<std::uint8_t>(preamble.size());
    EXPECT_EQ(world.ask(job), Result::answered);
    EXPECT_EQ(reply_of(job), Connection::framed(answer_to(query)));
  }
  EXPECT_EQ(seen.load(), 2U);
  EXPECT_EQ(world.server.connections(), 2U);
}

TEST(TcpHelper, ManyWaitForFewConnections) {
  World world(answer_all, {.connections = 2, .waiting = 8, .idle_ms = 1000});
  constexpr std::size_t kMany = 100;
  for (std::size_t i = 0; i < kMany; ++i) {
    world.jobs.submit(world.jobs.add(make_query("a.test.", 1, static_cast<std::uint16_t>(i))));
  }
  ASSERT_TRUE(world.jobs.wait_for(kMany));
  EXPECT_EQ(world.helper.counters().answered.value(), kMany);
  EXPECT_LE(world.server.connections(), 2U);
}

TEST(TcpHelper, WhoIsSilentLeavesRoomForTheOthers) {
  World world(answer_all, {.connections = 4, .waiting = 16, .idle_ms = 1000});
  TestServer silent([](const Connection& connection) { connection.wait_for_end(); });
  World::add(world.settings, silent.settings());
  for (std::uint16_t i = 0; i < 8; ++i) {
    TcpJob& job = world.jobs.add(make_query("a.test.", 1, i), 5000);
    job.backend = 1;
    world.jobs.submit(job);
  }
  EXPECT_EQ(world.ask(make_query("a.test.", 1, 100), 1000), Result::answered);
  EXPECT_EQ(world.helper.counters().answered.value(), 1U);
}

TEST(TcpHelper, StopsAtOnceAndGivesJobsBack) {
  World world([](const Connection& connection) { connection.wait_for_end(); });
  TcpJob& job = world.jobs.add(make_query("a.test.", 1, 1), 60000);
  world.jobs.submit(job);
  while (world.server.connections() == 0) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  const auto begin = std::chrono::steady_clock::now();
  world.helper.stop();
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::milliseconds(100));
  ASSERT_TRUE(world.jobs.wait_for(1));
  EXPECT_EQ(job.result, Result::refused);
  ASSERT_TRUE(world.helper.start());
  EXPECT_EQ(world.ask(make_query("a.test.", 1, 2), 50), Result::timed_out);
}

// ---- Transfers, from a server that sends these messages.
Result transfer(std::vector<Message> messages, TcpJob::Result expected, std::uint32_t serial = 0,
                bool incremental = false) {
  for (Message& message : messages) {
    if (incremental && message[5] == 1) message[kZoneTypeAt] = 251;
  }
  World world([&](const Connection& connection) {
    Message query;
    if (!connection.read_message(query)) return;
    for (const Message& message : messages) connection.write_message(message);
    connection.wait_for_end();
  });
  TcpJob& job =
      world.jobs.add(incremental ? make_ixfr(kZone, kTransferId, serial) : make_query(kZone, 252, kTransferId),
                     expected == Result::timed_out ? 200 : 2000);
  job.transfer = true;
  const Result result = world.ask(job);
  Message all;
  for (const Message& message : messages) {
    const Message framed = Connection::framed(message);
    all.insert(all.end(), framed.begin(), framed.end());
  }
  if (result == Result::answered) {
    EXPECT_EQ(reply_of(job), all);
  }
  return result;
}

TEST(TcpHelperTransfer, OneMessage) {
  EXPECT_EQ(transfer({part({soa(3), a("www"), soa(3)})}, Result::answered), Result::answered);
}

TEST(TcpHelperTransfer, SeveralMessages) {
  EXPECT_EQ(transfer({part({soa(3)}), part({a("www"), a("mail")}, false), part({soa(3)}, false)}, Result::answered),
            Result::answered);
}

TEST(TcpHelperTransfer, ASoaBelowTheZoneIsNoEnd) {
  EXPECT_EQ(transfer({part({soa(3), soa(3, "child")}), part({soa(3)}, false)}, Result::answered), Result::answered);
}

TEST(TcpHelperTransfer, AnErrorEndsIt) {
  Message refused = part({});
  refused[3] |= 5;
  EXPECT_EQ(transfer({refused}, Result::answered), Result::answered);
  Message failed = part({}, false);
  failed[3] |= 2;
  EXPECT_EQ(transfer({part({soa(3), a("www")}), failed}, Result::answered), Result::answered);
}

TEST(TcpHelperTransfer, WithoutItsEndItTimesOut) {
  EXPECT_EQ(transfer({part({soa(3), a("www")})}, Result::timed_out), Result::timed_out);
}

TEST(TcpHelperTransfer, WhatIsNoTransfer) {
  EXPECT_EQ(transfer({part({a("www"), soa(3)})}, Result::malformed), Result::malformed);
  EXPECT_EQ(transfer({part({})}, Result::malformed), Result::malformed);
  EXPECT_EQ(transfer({part({soa(3), soa(3), a("www")})}, Result::malformed), Result::malformed);
  Message cut = part({soa(3), a("www"), soa(3)});
  cut.pop_back();
  EXPECT_EQ(transfer({cut}, Result::malformed), Result::malformed);
  Message other = part({soa(3)}, false);
  other[0] ^= 1;
  EXPECT_EQ(transfer({part({soa(3)}), other}, Result::malformed), Result::malformed);
}

TEST(TcpHelperTransfer, TooLong) {
  std::vector<Message> messages{part({soa(3)})};
  for (int i = 0; i < 5; ++i) messages.push_back(part({txt(16000)}, false));
  messages.push_back(part({soa(3)}, false));
  EXPECT_EQ(transfer(messages, Result::too_long), Result::too_long);
}

TEST(TcpHelperTransfer, NothingNewer) {
  EXPECT_EQ(transfer({part({soa(3)})}, Result::answered, 3, true), Result::answered);
  EXPECT_EQ(transfer({part({soa(3)})}, Result::answered, 4, true), Result::answered);  // the client is ahead
  // A newer SOA alone is the first of many messages.
  EXPECT_EQ(transfer({part({soa(4)})}, Result::timed_out, 3, true), Result::timed_out);
}

TEST(TcpHelperTransfer, Differences) {
  EXPECT_EQ(transfer({part({soa(4)}), part({soa(3)}, false), part({a("old"), soa(4)}, false),
                      part({a("new"), soa(4)}, false)},
                     Result::answered, 3, true),
            Result::answered);
  EXPECT_EQ(transfer({part({soa(5), soa(3), a("a"), soa(4), a("b"), soa(4), a("b"), soa(5), a("c"), soa(5)})},
                     Result::answered, 3, true),
            Result::answered);
  // The end of the first difference is not the end.
  EXPECT_EQ(transfer({part({soa(5), soa(3), soa(4), soa(4), soa(5)})}, Result::timed_out, 3, true), Result::timed_out);
}

TEST(TcpHelperTransfer, AWholeZoneInPlaceOfDifferences) {
  EXPECT_EQ(transfer({part({soa(4), a("www")}), part({soa(4)}, false)}, Result::answered, 3, true), Result::answered);
}

}  // namespace
}  // namespace gl::test
