#include "tests/sim/fleet_clients.h"

#include <algorithm>
#include <queue>

#include "tests/sim/scenario.h"

namespace gl::sim {
namespace {

constexpr std::uint64_t kGiveUpMs = 6 * 3'600'000;  // after its start
constexpr std::uint64_t kLongestPauseMs = 12'000;
// So old a connection is at least whose key is gone: it is accepted to the last eighth of the epoch behind its own, by
// clocks that differ by an eighth.
constexpr std::uint64_t kKeyLivesMs = kFleetEpochSeconds * 1000 / 8 * 6;
constexpr std::size_t kReasonsShown = 5;
constexpr std::uint64_t kOtherSeeds = 1'000'000'000;

tcp::FlowKey flow_of(std::uint64_t number, bool v6) {
  std::array<std::uint8_t, 16> client{10};
  store_be(client.data() + 8, number / 50'000);
  std::array<std::uint8_t, 16> server{192, 0, 2, 53};
  const Be16 port(static_cast<std::uint16_t>(10'000 + number % 50'000));
  return v6 ? tcp::FlowKey::v6(client.data(), server.data(), port, Be16(53))
            : tcp::FlowKey::v4(client.data() + 12, server.data(), port, Be16(53));
}

bool ends_a_query(const Scenario& s, const Write& write) {
  std::size_t end = 0;
  return std::any_of(s.queries.begin(), s.queries.end(),
                     [&](const Query& query) { return (end += query.query_length) == write.end; });
}

// Whether some query is written in pieces.
bool in_pieces(const Scenario& s) {
  return !std::all_of(s.writes.begin(), s.writes.end(), [&](const Write& write) { return ends_a_query(s, write); });
}

// Of the scene's clients the first whose queries are whole, if that is asked for. One in three waits before it asks on,
// when it has every answer: connections are to be open while things happen.
Scenario make_client(const FleetScene& scene, std::uint64_t seed, double percent) {
  Scenario s = make_scenario(scene.clients, seed);
  for (std::uint64_t other = seed; !scene.pieces && in_pieces(s);)
    s = make_scenario(scene.clients, other += kOtherSeeds);
  Random random(seed * 7 + 5);
  s.channel.loss_to_server = s.channel.loss_to_client = percent / 100;
  s.channel.jitter_ms = std::min<std::uint64_t>(s.channel.jitter_ms, 5);
  if (!random.chance(0.33)) return s;
  for (std::size_t i = 1; i < s.writes.size(); ++i) {
    if (s.writes[i].after_answers == i && ends_a_query(s, s.writes[i - 1])) {
      s.writes[i].pause_ms = random.below(kLongestPauseMs);
    }
  }
  return s;
}

std::string name_of(tcp::Outcome outcome) {
  static constexpr const char* kNames[] = {
#define X(name, kind, help) #name,
      GL_TCP_OUTCOMES(X)
#undef X
  };
  return kNames[static_cast<std::size_t>(outcome)];
}

class Exchange {
 public:
  Exchange(const FleetScene& scene, std::uint64_t number, std::uint64_t seed, double percent, std::uint64_t now_ms)
      : scene_(scene),
        scenario_(make_client(scene, seed, percent)),
        streams_(make_streams(scenario_.queries)),
        reader_(streams_),
        network_(scenario_.channel, seed * 3 + 1),
        client_(scenario_.client, streams_.client, scenario_.writes, reader_, network_),
        flow_(flow_of(number, scenario_.server.v6)),
        began_ms_(now_ms) {
    client_.start(now_ms);
  }

  // When something happens next; nothing: never, or it is over.
  [[nodiscard]] std::optional<std::uint64_t> next_at() const {
    if (ended()) return std::nullopt;
    const std::uint64_t at = std::min(network_.next_at().value_or(~std::uint64_t{0}), client_.timer_at());
    return at >= began_ms_ + kGiveUpMs ? std::nullopt : std::optional(at);
  }

  void step(std::uint64_t now_ms, Fleet& fleet) {
    ended_ms_ = now_ms;
    if (client_.timer_at() <= network_.next_at().value_or(~std::uint64_t{0})) return client_.on_timer(now_ms);
    const Delivery delivery = network_.take();
    if (!delivery.to_server) return client_.receive(now_ms, delivery.packet);
    for (const Packet& packet : fleet.receive(now_ms, delivery.packet, flow_, node_)) {
      if (packet.has(tcp::kRst)) reset_by_ = fleet.last_outcome();
      network_.send(now_ms, false, packet);
    }
  }

  void judge(FleetOutcome& outcome) {
    ++outcome.exchanges;
    outcome.timeouts += client_.timeouts();
    const Bytes received = client_.received();
    // More than a cookie answers for: known to an entry alone, so the next node resets it, or closes it.
    const bool beyond = streams_.total >= tcp::kOffsetLimit;
    if (!reader_.is_prefix(received)) return note(outcome, outcome.wrong, "wrong bytes");
    if (!client_.complaint().empty()) return note(outcome, outcome.failed, client_.complaint());
    if (client_.was_reset() && !client_.saw_fin()) {
      if (beyond || reset_by_ == tcp::Outcome::reset_forgotten) return void(++outcome.forgotten);
      const bool outlived = ended_ms_ - began_ms_ >= kKeyLivesMs && reset_by_ == tcp::Outcome::reset_no_cookie;
      return scene_.may_be_reset || outlived ? void(++outcome.reset)
                                             : note(outcome, outcome.failed, "reset: " + name_of(reset_by_));
    }
    if (!ended()) return note(outcome, outcome.failed, "stalled");
    if (reader_.complete()) return outcome.took.push_back(static_cast<std::uint32_t>(ended_ms_ - began_ms_));
    if (!reader_.at_boundary(received) && beyond) return void(++outcome.forgotten);
    if (!reader_.at_boundary(received)) return note(outcome, outcome.failed, "closed in the middle of an answer");
    ++outcome.closed;
  }

 private:
  [[nodiscard]] bool ended() const {
    if (!client_.complaint().empty() || client_.closed() || client_.was_reset()) return true;
    return client_.saw_fin() && !reader_.complete() && client_.idle_reader();
  }
  void note(FleetOutcome& outcome, std::uint64_t& count, const std::string& why) const {
    ++count;
    if (outcome.reasons.size() >= kReasonsShown) return;
    outcome.reasons.push_back(why + ", a client like --scenario " + std::string(scenario_.name) + " --seed " +
                              std::to_string(scenario_.seed) + ", from " + std::to_string(began_ms_) + " to " +
                              std::to_string(ended_ms_) + " ms");
  }

  const FleetScene& scene_;
  const Scenario scenario_;
  const Streams streams_;
  Reader reader_;
  Network network_;
  Client client_;
  const tcp::FlowKey flow_;
  unsigned node_ = kNoNode;
  tcp::Outcome reset_by_{};
  std::uint64_t began_ms_;
  std::uint64_t ended_ms_ = 0;
};

struct Turn {
  std::uint64_t at_ms;
  std::uint64_t number;
  friend bool operator>(const Turn& a, const Turn& b) {
    return a.at_ms != b.at_ms ? a.at_ms > b.at_ms : a.number > b.number;
  }
};

}  // namespace

FleetOutcome play(const FleetScene& scene, std::uint64_t exchanges, std::uint64_t seed, double percent) {
  FleetOutcome outcome;
  Fleet fleet(scene.fleet, seed);
  std::vector<std::unique_ptr<Exchange>> clients(exchanges);
  std::priority_queue<Turn, std::vector<Turn>, std::greater<>> turns;
  for (std::uint64_t n = 0; n < exchanges; ++n) turns.push({n * scene.fleet.length_ms / exchanges, n});
  while (!turns.empty()) {
    const Turn turn = turns.top();
    turns.pop();
    fleet.pass_time(turn.at_ms);
    std::unique_ptr<Exchange>& client = clients[turn.number];
    if (client == nullptr) {
      client = std::make_unique<Exchange>(scene, turn.number, seed * 1'000'000 + turn.number, percent, turn.at_ms);
    } else {
      client->step(turn.at_ms, fleet);
    }
    if (const auto next = client->next_at()) {
      turns.push({*next, turn.number});
    } else {
      client->judge(outcome);
      client.reset();
    }
  }
  outcome.fleet = fleet.counts();
  return outcome;
}

}  // namespace gl::sim
