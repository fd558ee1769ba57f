// Exactly once, under whatever the network does: clients and a server on a channel that loses, duplicates, delays and
// reorders, over many seeds. Each call stands in the journal once, and each client is told so.
#include <set>

#include "tests/unit/rpc_once_world.h"

namespace gl::rpc_once {
namespace {

struct Weather {
  unsigned loss_percent = 0;
  unsigned twice_percent = 0;
  std::uint64_t longest_delay_ms = 5;
};

class World {
 public:
  World(unsigned seed, const Weather& weather, std::size_t cores, std::size_t clients)
      : server(std::make_unique<Server>(cores)), weather_(weather), random_(seed) {
    for (std::size_t i = 0; i < clients; ++i) {
      calls_.emplace_back(rpc_client::CallSettings{.client = random_() | 1ull << 40,
                                                   .outstanding = static_cast<std::uint32_t>(1 + random_() % 32)});
    }
  }
  void submit(std::size_t client, const std::string& text) {
    (void)calls_[client].submit(Procedure::append, bytes_of(text));
  }
  void run(std::uint64_t limit_ms = 200'000) {
    for (const std::uint64_t end = now + limit_ms; now < end && !finished(); ++now) turn();
  }
  void turn() {
    deliver();
    for (std::size_t i = 0; i < calls_.size(); ++i) {
      std::vector<Wire> out;
      if (calls_[i].deadline() <= now) calls_[i].on_time(now, out);
      send_from_client(i, out);
      for (auto& outcome : calls_[i].take_outcomes()) outcomes.emplace_back(i, std::move(outcome));
    }
    if (now % 100 == 0) server->execute();
    server->on_time(now);
    for (auto& sent : server->sent()) {
      put((sent.port - 2000u) % calls_.size(), false, std::move(sent.datagram), sent.port);
    }
  }
  [[nodiscard]] bool finished() const {
    return std::ranges::all_of(calls_, [](const Calls& calls) { return calls.finished(); });
  }
  [[nodiscard]] bool quiet() const { return flying_.empty(); }

  std::unique_ptr<Server> server;
  std::vector<std::pair<std::size_t, rpc_client::Outcome>> outcomes;  // with their client
  bool ports_change = false;                                          // as behind a NAT that forgets
  std::uint64_t now = 1000;

 private:
  struct Flying {
    std::size_t client = 0;
    bool to_server = false;
    std::uint16_t port = 0;
    Wire datagram;
  };
  void put(std::size_t client, bool to_server, Wire datagram, std::uint16_t port) {
    if (random_() % 100 < weather_.loss_percent) return;
    const unsigned copies = random_() % 100 < weather_.twice_percent ? 2 : 1;
    for (unsigned i = 0; i < copies; ++i) {
      flying_.emplace(now + 1 + random_() % weather_.longest_delay_ms, Flying{client, to_server, port, datagram});
    }
  }
  void send_from_client(std::size_t i, std::vector<Wire>& out) {
    for (Wire& datagram : out) {
      const std::size_t mapping = ports_change ? random_() % 7 : 0;
      put(i, true, std::move(datagram), static_cast<std::uint16_t>(2000 + i + mapping * calls_.size()));
    }
  }
  void deliver() {
    while (!flying_.empty() && flying_.begin()->first <= now) {
      const Flying f = std::move(flying_.extract(flying_.begin()).mapped());
      if (f.to_server) {
        server->receive(random_() % server->cores(), f.datagram, f.port, now);
        continue;
      }
      std::vector<Wire> out;
      calls_[f.client].receive(f.datagram, now, out);
      send_from_client(f.client, out);
    }
  }

  const Weather weather_;
  std::mt19937 random_;
  std::vector<Calls> calls_;
  std::multimap<std::uint64_t, Flying> flying_;  // by the time of their arrival
};

void expect_each_once(const World& world, std::size_t clients, std::size_t calls) {
  const std::set<std::string> different(world.server->journal.begin(), world.server->journal.end());
  ASSERT_EQ(world.server->journal.size(), clients * calls);
  ASSERT_EQ(different.size(), clients * calls);
  ASSERT_EQ(world.outcomes.size(), clients * calls);
  for (const auto& [client, outcome] : world.outcomes) {
    ASSERT_EQ(outcome.kind, rpc_client::Outcome::Kind::replied);
    ASSERT_EQ(outcome.result.size(), 8u);
    const std::uint64_t number = load_be<std::uint64_t>(outcome.result.data());
    ASSERT_GE(number, 1u);
    // The number that a client is told is that of its own line.
    ASSERT_EQ(world.server->journal[number - 1], std::to_string(client) + '/' + std::to_string(outcome.call));
  }
}

void submit_all(World& world, std::size_t clients, std::size_t calls) {
  for (std::size_t c = 0; c < clients; ++c) {
    for (std::size_t n = 1; n <= calls; ++n) world.submit(c, std::to_string(c) + '/' + std::to_string(n));
  }
}

TEST(RpcExactlyOnce, UnderEveryWeather) {
  for (unsigned seed = 1; seed <= 300; ++seed) {
    const Weather weather{
        .loss_percent = seed % 5 * 7, .twice_percent = seed % 4 * 15, .longest_delay_ms = 1 + seed % 7 * 400};
    World world(seed, weather, 1 + seed % 3, 3);
    world.ports_change = seed % 2 == 0;
    submit_all(world, 3, 40);
    world.run();
    ASSERT_TRUE(world.finished()) << "seed " << seed;
    // What is still on its way changes nothing either.
    for (unsigned i = 0; i < 10'000; ++i, ++world.now) world.turn();
    expect_each_once(world, 3, 40);
    ASSERT_FALSE(testing::Test::HasFatalFailure()) << "seed " << seed;
  }
}

// What each call costs where nothing is lost: a request, a reply, an ACK; and the first one a denied request.
TEST(RpcExactlyOnce, NothingIsSentTwiceInFairWeather) {
  World world(1, {}, 1, 1);
  submit_all(world, 1, 20);
  world.run();
  for (unsigned i = 0; i < 10'000; ++i, ++world.now) world.turn();
  expect_each_once(world, 1, 20);
  EXPECT_EQ(world.server->counter("requests"), 21u);
  EXPECT_EQ(world.server->counter("denied_server_boot"), 1u);
  EXPECT_EQ(world.server->counter("acknowledged"), 20u);
  for (const char* name : {"repeated", "resent", "late_acks", "drop_executing", "drop_finished"}) {
    EXPECT_EQ(world.server->counter(name), 0u) << name;
  }
}

// More than the main core's queue holds: what finds no room is not executed, and its client repeats it.
TEST(RpcExactlyOnce, MoreThanThereIsRoomFor) {
  constexpr std::size_t kClients = 20;
  World world(5, {.longest_delay_ms = 3}, 1, kClients);
  submit_all(world, kClients, 60);
  world.run();
  expect_each_once(world, kClients, 60);
  EXPECT_GT(world.server->counter("drop_queue_full"), 0u);
}

TEST(RpcExactlyOnce, ADiskThatIsFullExecutesNothing) {
  World world(3, {.loss_percent = 10}, 1, 1);
  world.server->disk_full = true;
  submit_all(world, 1, 10);
  world.run();
  EXPECT_TRUE(world.server->journal.empty());
  ASSERT_EQ(world.outcomes.size(), 10u);
  for (const auto& each : world.outcomes) {
    EXPECT_EQ(each.second.kind, rpc_client::Outcome::Kind::replied);
    EXPECT_EQ(each.second.status, ReplyStatus::not_executed);
  }
}

// A server that is started anew in the middle: no call twice, and whoever is told that a call was executed finds it.
TEST(RpcExactlyOnce, AcrossARestartOfTheServerAtMostOnce) {
  unsigned uncertain = 0;
  for (unsigned seed = 1; seed <= 100; ++seed) {
    World world(seed, {.loss_percent = 10, .twice_percent = 10, .longest_delay_ms = 50}, 2, 2);
    submit_all(world, 2, 40);
    world.run(1 + seed * 20);
    auto next = std::make_unique<Server>(2, 101);
    next->journal = std::move(world.server->journal);
    world.server = std::move(next);
    world.run();
    ASSERT_TRUE(world.finished());
    const auto& journal = world.server->journal;
    const std::set<std::string> different(journal.begin(), journal.end());
    ASSERT_EQ(different.size(), journal.size()) << "seed " << seed;
    for (const auto& [client, outcome] : world.outcomes) {
      const std::string text = std::to_string(client) + '/' + std::to_string(outcome.call);
      if (outcome.kind == rpc_client::Outcome::Kind::uncertain) ++uncertain;
      const bool replied = outcome.kind == rpc_client::Outcome::Kind::replied;
      ASSERT_TRUE(!replied || different.contains(text)) << seed << ' ' << text;
    }
    ASSERT_EQ(world.outcomes.size(), 80u);
  }
  EXPECT_GT(uncertain, 0u);
}

}  // namespace
}  // namespace gl::rpc_once
