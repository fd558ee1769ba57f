#include "tests/sim/forward_scenario.h"

#include <algorithm>
#include <array>

#include "tests/sim/dialogue_of.h"
#include "tests/sim/forward_world.h"

namespace gl::sim {
namespace {

constexpr std::uint16_t kFirstGhostPort = 10000;
constexpr std::size_t kLongestAnswer = 60000;
constexpr std::size_t kPulls = 12;  // of an answer, each worth a timeout of the client
constexpr std::size_t kLeastPulled = 600;
constexpr std::size_t kShort = 100;
constexpr std::uint32_t kForEverMs = 100'000'000;

// What the kind of scenario has its say about, before topics and clients are made.
struct Plan {
  ForwardWorld world;
  ChannelSettings channel;  // but for the delay, which is each client's own
  std::size_t longest = kLongestAnswer;
  std::size_t most_topics = 6;
  unsigned ghosts = 0;
  unsigned fillers = 0;  // who fill the store with answers of 60 KB to questions of their own
  double small_windows = 0;
  double no_timestamps = 0.1;
  std::uint32_t flow_cache = 0;
  bool once = false;  // UPDATE, NOTIFY and transfers among the questions
  bool resets = false;
  // The node may have forgotten what it gave while parts of it are on their way, or in the client: then what comes
  // next can be put together from two versions, and nothing tells (docs/protocol.md, "Limits that follow").
  bool amnesia = false;
};

void sound(Plan& p, Random& random) {
  p.world.behaviour.delay_ms = random.pick(std::array<std::uint64_t, 4>{0, 3, 30, 90});
}
void loss(Plan& p, Random& random) {
  p.world.behaviour.delay_ms = random.pick(std::array<std::uint64_t, 4>{1, 30, 300, 1000});
  p.channel.loss_to_server = random.pick(std::array{0.0, 0.05, 0.2});
  p.channel.loss_to_client = random.pick(std::array{0.0, 0.05, 0.2});
  p.channel.duplicate = random.pick(std::array{0.0, 0.05, 0.3});
  p.channel.jitter_ms = random.pick(std::array<std::uint64_t, 4>{0, 3, 100, 400});
  p.small_windows = random.pick(std::array{0.0, 0.5});
}
void backends(Plan& p, Random& random) {
  BackendBehaviour& b = p.world.behaviour;
  b.delay_ms = random.pick(std::array<std::uint64_t, 3>{1, 30, 400});
  b.late = random.pick(std::array{0.0, 0.2});
  b.loss = random.pick(std::array{0.0, 0.1, 0.5});
  b.duplicate = random.pick(std::array{0.0, 0.3});
  b.servfail = random.pick(std::array{0.0, 0.2});
  b.truncate = random.pick(std::array{0.0, 0.3});
  b.malformed = random.pick(std::array{0.0, 0.2});
  b.forge = random.pick(std::array{0.0, 0.5});
  b.tcp_fails = random.pick(std::array{0.0, 0.3});
  b.silent = random.chance(0.2) ? 1 : 0;
  p.channel.loss_to_server = p.channel.loss_to_client = random.pick(std::array{0.0, 0.05});
}
void evict(Plan& p, Random& random) {
  loss(p, random);
  p.resets = p.world.forgets = true;
  p.world.settings.store_mb = 1;
  p.fillers = random.pick(std::array{0U, 60U});
  if (random.chance(0.5)) return;
  p.amnesia = true;
  p.world.settings.requests = random.pick(std::array{4U, 256U});
  p.world.settings.keep_ms = random.pick(std::array{300U, 2000U, 10000U, kForEverMs});
  p.world.restarts = random.pick(std::array{0.0, 0.02, 0.1});
}
void once(Plan& p, Random& random) {
  loss(p, random);
  backends(p, random);
  p.once = true;
  p.longest = 20000;
  backend::ForwardSettings& s = p.world.settings;
  s.pass_updates = s.pass_notifies = s.pass_transfers = true;
  p.world.restarts = random.pick(std::array{0.0, 0.0, 0.02});
  if (p.world.restarts != 0) p.amnesia = p.resets = p.world.forgets = true;
}
// Acknowledged before it is answered: nothing may be lost, and an answer has to go in one burst.
void immediate(Plan& p, Random& random) {
  p.world.behaviour.delay_ms = random.pick(std::array<std::uint64_t, 4>{0, 3, 30, 1000});
  p.world.immediate = true;
  p.no_timestamps = 1;
  p.longest = 400;
}
void everything(Plan& p, Random& random) {
  loss(p, random);
  const ChannelSettings channel = p.channel;
  backends(p, random);
  p.channel = channel;
  p.channel.flip = random.pick(std::array{0.0, 0.02});
  if (random.chance(0.3)) evict(p, random);
  if (random.chance(0.3)) once(p, random);
}

using Shape = void (*)(Plan&, Random&);
struct NamedShape {
  Kind kind;
  Shape shape;
};
constexpr std::array<NamedShape, 7> kShapes = {{
    {{"forward", "name servers behind that answer in time, a sound network"}, sound},
    {{"forward-loss", "the clients' packets lost, doubled, late; answers that rotate and take their time"}, loss},
    {{"forward-backends", "name servers that lose, truncate, fail, repeat, rotate, and forgers beside them"}, backends},
    {{"forward-forget", "answers overwritten, requests forgotten, restarts: a RST, or answers whole"}, evict},
    {{"forward-once", "UPDATE, NOTIFY and transfers: never sent twice"}, once},
    {{"forward-immediate", "the immediate mode in front of name servers"}, immediate},
    {{"forward-everything", "any of these together"}, everything},
}};

void any_settings(Plan& p, Random& random) {
  backend::ForwardSettings& s = p.world.settings;
  s.timeout_ms = random.pick(std::array{100U, 300U, 800U});
  s.tries = static_cast<std::uint32_t>(random.between(1, 3));
  s.slots = random.pick(std::array{4U, 16U, 64U});
  s.waiting = random.pick(std::array{4U, 16U, 64U});
  s.requests = 256;
  s.store_mb = 4;
  s.keep_ms = kForEverMs;
  s.serve_s = random.chance(0.2) ? 3 : 0;
  s.payload = random.pick(std::array<std::uint16_t, 3>{0, 1232, 60000});
  s.health_interval_ms = random.chance(0.3) ? 500 : 0;
  if (random.chance(0.1)) s.ecs_v4 = 24, s.ecs_v6 = 56;
  backend::PoolSettings pool;
  pool.suffix = {0};
  const bool proxy = random.chance(0.15);
  for (unsigned i = 0; i < random.between(1, 3); ++i) {
    backend::BackendSettings one;
    const auto host = static_cast<std::uint8_t>(10 + i);
    one.address = wire::Ipv4Address{{198, 51, 100, host}};
    if (random.chance(0.3))
      one.address = wire::Ipv6Address{{0x20, 1, 0xd, 0xb8, 0xb, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, host}};
    one.proxy = proxy && random.chance(0.7);
    pool.backends.push_back(i);
    s.backends.push_back(one);
  }
  s.pools.push_back(pool);
  p.world.jobs = random.pick(std::array<std::size_t, 4>{1, 2, 4, 16});
  p.world.behaviour.rotates = random.chance(0.8);
  p.world.behaviour.counts_down = random.chance(0.5);
  p.ghosts = random.pick(std::array{0U, 4U, 12U});
  p.flow_cache = random.pick(std::array{0U, 4U, 16U});
}

std::size_t any_length(const Plan& p, Random& random) {
  const std::size_t most = random.pick(std::array<std::size_t, 7>{100, 500, 500, 1500, 4000, 16000, kLongestAnswer});
  return 20 + random.below(std::min(most, p.longest));
}

std::size_t new_topic(Plan& p, Random& random, Topic::Kind kind, std::size_t length) {
  p.world.topics.push_back(make_topic(random, kind, p.world.topics.size(), length));
  return p.world.topics.size() - 1;
}

// What nobody asks twice has a name of its own.
std::size_t any_topic(Plan& p, Random& random, std::size_t questions) {
  if (!p.once || random.chance(0.3)) return random.below(questions);
  const auto kind = random.pick(std::array{Topic::Kind::update, Topic::Kind::notify, Topic::Kind::transfer});
  return new_topic(p, random, kind, any_length(p, random));
}

void any_party(Plan& p, Random& random, std::size_t questions, const Scenario& name) {
  ForwardParty party;
  Scenario& s = party.scenario;
  s.name = name.name;
  s.seed = name.seed;
  any_client(s, random);
  const std::uint64_t delay = s.channel.delay_ms;
  s.channel = p.channel;
  s.channel.delay_ms = delay;
  s.resets = p.resets;
  s.server.flow_cache = p.flow_cache;
  s.client.mss = std::min(s.client.mss, s.server.mss);
  if (random.chance(p.no_timestamps)) s.client.timestamps = false;
  if (random.chance(p.small_windows)) {
    s.client.buffer = random.pick(std::array{300U, 1500U, 8000U});
    s.client.read_pause_ms = random.between(1, 80);
    s.client.read_at_once = static_cast<std::uint32_t>(random.between(100, 4000));
  }
  s.one_segment = !s.client.timestamps;
  if (p.amnesia) {
    s.channel.duplicate = s.channel.loss_to_client = s.channel.flip = 0;
    s.channel.jitter_ms = 0;
    s.client.probe_ms = 0;
    s.client.syn_twice = false;
    s.server.zone_at = 1;  // as far as the dialogue is concerned
  }
  if (p.world.immediate) s.client.syn_twice = false, s.client.closing = Closing::after_reading, s.client.mss = 1220;
  const std::size_t room = s.client.mss - (s.client.timestamps ? 12U : 0U);
  const std::size_t pulled = (p.amnesia ? 1 : kPulls) * std::min<std::size_t>(10 * room, s.client.buffer);
  for (std::size_t count = random.between(1, 8); count > 0; --count) {
    std::size_t topic = any_topic(p, random, questions);
    if (p.world.topics[topic].longest_answer() > std::max(pulled, kLeastPulled)) {
      topic = new_topic(p, random, Topic::Kind::question, kShort);
    }
    ForwardRequest request;
    do request = make_request(random, p.world.topics, topic);
    while (request.message.size() + 2 > room);
    Query query;
    query.query_length = 2 + request.message.size();
    query.answer_length = query.answer_length_after = p.world.topics[topic].longest_answer();
    s.queries.push_back(query);
    party.requests.push_back(std::move(request));
  }
  cut_dialogue(s, random);
  party.requests.resize(s.queries.size());
  p.world.parties.push_back(std::move(party));
}

void any_ghosts(Plan& p, Random& random, std::size_t questions) {
  for (unsigned i = 0; i < p.ghosts; ++i) {
    Ghost ghost;
    ghost.at_ms = random.below(random.chance(0.5) ? 500 : 5000);
    ghost.times = random.chance(0.2) ? 2 : 1;
    ghost.request = make_request(random, p.world.topics, random.below(questions));
    p.world.ghosts.push_back(std::move(ghost));
  }
  for (unsigned i = 0; i < p.fillers; ++i) {
    const std::size_t topic = new_topic(p, random, Topic::Kind::question, kLongestAnswer);
    p.world.ghosts.push_back({random.below(5000), 0, 1, make_request(random, p.world.topics, topic)});
  }
  std::ranges::sort(p.world.ghosts, {}, &Ghost::at_ms);
  for (std::size_t i = 0; i < p.world.ghosts.size(); ++i) {
    p.world.ghosts[i].port = static_cast<std::uint16_t>(kFirstGhostPort + i);
  }
}

}  // namespace

std::span<const Kind> forward_kinds() {
  static const std::array<Kind, kShapes.size()> list = [] {
    std::array<Kind, kShapes.size()> all;
    std::transform(kShapes.begin(), kShapes.end(), all.begin(), [](const NamedShape& shape) { return shape.kind; });
    return all;
  }();
  return list;
}

std::optional<Scenario> make_forward_scenario(std::string_view name, std::uint64_t seed) {
  const auto shape = std::find_if(kShapes.begin(), kShapes.end(), [&](const auto& s) { return s.kind.name == name; });
  if (shape == kShapes.end()) return std::nullopt;
  Random random(seed * 17 + static_cast<std::uint64_t>(shape - kShapes.begin()) + 1);
  Scenario scenario;
  scenario.name = shape->kind.name;
  scenario.seed = seed;
  Plan p;
  any_settings(p, random);
  shape->shape(p, random);
  const std::size_t questions = random.between(1, p.most_topics);
  for (std::size_t i = 0; i < questions; ++i) new_topic(p, random, Topic::Kind::question, any_length(p, random));
  const std::size_t parties = random.chance(0.6) ? 1 : random.between(2, 3);
  while (p.world.parties.size() < parties) any_party(p, random, questions, scenario);
  any_ghosts(p, random, questions);
  p.world.fresh = p.world.topics.size();
  const std::size_t slots = std::min(p.world.settings.slots, p.world.settings.waiting);
  // Datagrams have three quarters of them.
  for (std::size_t i = 0; i < slots - slots / 4; ++i) new_topic(p, random, Topic::Kind::question, 100);
  scenario.forward = std::make_shared<const ForwardWorld>(std::move(p.world));
  return scenario;
}

}  // namespace gl::sim
