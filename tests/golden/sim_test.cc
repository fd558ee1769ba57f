// Model clients and two instances of the responder over a bad network, seeded: what a client reads is exactly the
// concatenation of its answers, every connection ends, nothing is reset. Each segment goes to either instance at
// random, so no instance can lean on anything that it remembers.
#include <gtest/gtest.h>

#include <array>
#include <cstdint>
#include <memory>
#include <random>
#include <vector>

#include "tests/golden/sim_client.h"
#include "tests/golden/sim_network.h"
#include "tests/golden/streams.h"

namespace gl::golden {
namespace {

enum class Style : std::uint8_t { sequential, pipelined, batched, split };

// What the server's side is like.
struct ServerSettings {
  std::uint32_t flow_cache = 0;  // entries an instance
  unsigned instances = 2;        // each segment goes to one of them at random
  double restarts = 0;           // share of segments before which their instance starts anew
};

struct Scenario {
  ServerSettings server{};
  SimClientSettings client;
  ChannelSettings channel;
  Style style = Style::sequential;
  std::vector<ScriptedQuery> queries;
};

std::vector<Write> writes_of(const Scenario& scenario) {
  std::vector<Write> writes;
  std::size_t asked = 0;
  std::size_t answered = 0;
  for (const ScriptedQuery& query : scenario.queries) {
    const std::size_t after = scenario.style == Style::sequential || scenario.style == Style::split ? answered : 0;
    if (scenario.style == Style::split) writes.push_back({asked + 2, after});
    asked += query.query_length;
    answered += query.answer_length;
    writes.push_back({asked, after});
  }
  if (scenario.style == Style::batched) return {writes.back()};
  return writes;
}

// The server's side: instances with one secret.
class SimServer {
 public:
  explicit SimServer(const ServerSettings& settings) : settings_(settings) {
    tcp_.flow_cache = settings.flow_cache;
    for (unsigned i = 0; i < settings.instances; ++i) instances_.push_back(std::make_unique<tcp::Responder>(tcp_));
    keys_.by_parity[0].fill(3);
    keys_.by_parity[1].fill(5);
    flow_.bytes.fill(9);
  }
  void receive(std::uint64_t now_ms, const SimSegment& in, SimNetwork& network) {
    auto& instance = instances_[network.chance(0.5) ? 0 : instances_.size() - 1];
    if (network.chance(settings_.restarts)) instance = std::make_unique<tcp::Responder>(tcp_);
    tcp::Responder& responder = *instance;
    responder.begin_burst(now_ms, keys_);
    const tcp::Segment segment{flow_, in.seq, in.ack, in.flags, in.window, in.mss, in.timestamps, in.payload};
    const tcp::Plan& plan = responder.handle(segment, &service_);
    for (const tcp::OutSegment& out : std::span(plan.segments).first(plan.count)) {
      SimSegment sent{out.seq, out.ack, out.flags, out.window, out.mss, std::nullopt, {}};
      if (out.has_timestamps) sent.timestamps = out.timestamps;
      const Bytes payload = plan.stream.subspan(out.offset, out.length);
      sent.payload.assign(payload.begin(), payload.end());
      network.send(now_ms, false, sent);
    }
  }

 private:
  tcp::CookieKeys keys_;
  tcp::FlowKey flow_;
  ScriptedService service_{Framing::length_prefix, 8000};
  ServerSettings settings_;
  tcp::ResponderSettings tcp_;
  std::vector<std::unique_ptr<tcp::Responder>> instances_;
};

constexpr std::uint64_t kGiveUpMs = 3600 * 1000;

::testing::AssertionResult exchange(const Scenario& scenario, std::uint64_t seed) {
  const Streams streams = make_streams(scenario.queries, Framing::length_prefix);
  SimNetwork network(scenario.channel, seed);
  SimClient client(scenario.client, streams.client, writes_of(scenario), streams.server.size(), network);
  SimServer server(scenario.server);
  std::uint64_t now_ms = 0;
  while (!client.closed() && client.complaint().empty()) {
    const std::uint64_t packet_at = network.next_at().value_or(kGiveUpMs);
    now_ms = std::min(packet_at, client.timer_at());
    if (now_ms >= kGiveUpMs) return ::testing::AssertionFailure() << "stalled, seed " << seed;
    if (client.timer_at() <= packet_at) {
      client.on_timer(now_ms);
      continue;
    }
    const Delivery delivery = network.take();
    if (delivery.to_server) {
      server.receive(now_ms, delivery.segment, network);
    } else {
      client.receive(now_ms, delivery.segment);
    }
  }
  if (!client.complaint().empty()) return ::testing::AssertionFailure() << client.complaint() << ", seed " << seed;
  if (client.read() != streams.server) return ::testing::AssertionFailure() << "wrong bytes, seed " << seed;
  return ::testing::AssertionSuccess();
}

Scenario random_scenario(std::uint64_t seed, bool timestamps, double loss) {
  std::mt19937_64 random(seed);
  const auto below = [&random](std::uint64_t n) { return random() % n; };
  Scenario scenario;
  scenario.client.timestamps = timestamps;
  scenario.client.mss = std::array<std::uint16_t, 4>{536, 1220, 1440, 1460}[below(4)];
  scenario.client.window = below(4) == 0 ? 3000 : 65535;
  scenario.client.delayed_acks = below(2) == 0;
  scenario.client.isn = static_cast<std::uint32_t>(random());
  scenario.channel = {loss, below(2) == 0 ? 0.05 : 0.0, 1 + below(50), below(3) == 0 ? 20u : 0u};
  // Without timestamps a connection takes one segment of queries.
  scenario.style = timestamps ? static_cast<Style>(below(4)) : Style::batched;
  const std::size_t count = timestamps ? 1 + below(8) : 1 + below(4);
  for (std::size_t i = 0; i < count; ++i) {
    const std::size_t longest = timestamps ? 300 : 100;
    scenario.queries.push_back({ScriptedQuery::Kind::answer, 30 + below(longest), 14 + (below(8000) >> below(6))});
  }
  return scenario;
}

struct Run {
  bool timestamps = true;
  double loss = 0;
  std::uint64_t jitter_ms = 0;  // 0: the scenario's own
  ServerSettings server{};
};

void expect_all_complete(const Run& run, std::uint64_t seeds = 1500) {
  for (std::uint64_t seed = 1; seed <= seeds; ++seed) {
    Scenario scenario = random_scenario(seed, run.timestamps, run.loss);
    if (run.jitter_ms != 0) scenario.channel.jitter_ms = run.jitter_ms;
    scenario.server = run.server;
    ASSERT_TRUE(exchange(scenario, seed));
  }
}

TEST(Sim, WithTimestampsNoLoss) {
  expect_all_complete({});
}
TEST(Sim, WithTimestampsFivePercentLoss) {
  expect_all_complete({.loss = 0.05});
}
TEST(Sim, WithTimestampsTwentyPercentLoss) {
  expect_all_complete({.loss = 0.2});
}
// Segments that overtake whole retransmissions: the ledger that a client echoes may lag behind what it has read.
TEST(Sim, DelaysBeyondTheClientsTimer) {
  expect_all_complete({.loss = 0.05, .jitter_ms = 400}, 5000);
}
TEST(Sim, WithoutTimestampsNoLoss) {
  expect_all_complete({.timestamps = false});
}
TEST(Sim, WithoutTimestampsFivePercentLoss) {
  expect_all_complete({.timestamps = false, .loss = 0.05});
}
TEST(Sim, WithoutTimestampsTwentyPercentLoss) {
  expect_all_complete({.timestamps = false, .loss = 0.2});
}

constexpr ServerSettings kOneWithCache{.flow_cache = 4, .instances = 1, .restarts = 0};
constexpr ServerSettings kTwoWithCache{.flow_cache = 4, .instances = 2, .restarts = 0};
constexpr ServerSettings kForgetful{.flow_cache = 4, .instances = 1, .restarts = 0.2};
constexpr ServerSettings kAnythingGoes{.flow_cache = 4, .instances = 2, .restarts = 0.1};

TEST(Sim, CacheNoLoss) {
  expect_all_complete({.server = kOneWithCache});
}
TEST(Sim, CacheFivePercentLoss) {
  expect_all_complete({.loss = 0.05, .server = kOneWithCache});
}
TEST(Sim, CacheTwentyPercentLoss) {
  expect_all_complete({.loss = 0.2, .server = kOneWithCache});
}
TEST(Sim, CacheDelaysBeyondTheClientsTimer) {
  expect_all_complete({.loss = 0.05, .jitter_ms = 400, .server = kOneWithCache}, 5000);
}
TEST(Sim, Migration) {
  expect_all_complete({.loss = 0.05, .server = kTwoWithCache}, 5000);
}
TEST(Sim, Amnesia) {
  expect_all_complete({.loss = 0.05, .server = kForgetful}, 5000);
}
TEST(Sim, MigrationAmnesiaDelayAndLoss) {
  expect_all_complete({.loss = 0.1, .jitter_ms = 300, .server = kAnythingGoes}, 5000);
}

}  // namespace
}  // namespace gl::golden
