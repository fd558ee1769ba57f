// Many nodes with one secret behind a router that spreads flows over those that announce the address. Each has its own
// responder, its own clock and its own copy of the secret file; they fail, are drained and start anew, and whenever the
// router's ways or its hash change, nearly every flow goes to another node.
// Units: milliseconds of simulated time, but where a name says seconds. Ownership: owns the nodes. Thread: one. A seed
// decides everything.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <queue>
#include <vector>

#include "lib/control/keys/secrets.h"
#include "lib/tcp/responder.h"
#include "tests/sim/packet.h"
#include "tests/sim/random.h"
#include "tests/sim/service.h"

namespace gl::sim {

inline constexpr unsigned kNoNode = ~0u;
inline constexpr std::uint32_t kFleetEpochSeconds = 128;

struct FleetSettings {
  unsigned nodes = 1000;
  std::uint64_t length_ms = 600'000;  // from then on nothing happens any more
  // The mean time between two of a kind; 0: none.
  std::uint64_t hash_every_ms = 0;   // the router's hash changes
  std::uint64_t fail_every_ms = 0;   // a node dies: what comes to it is lost until the router knows
  std::uint64_t drain_every_ms = 0;  // a node is withdrawn, and perhaps started anew
  std::uint64_t detect_ms = 500;     // until the router knows
  std::uint64_t skew_ms = 0;         // clocks are off by so much at most
  bool rotates = false;              // a new secret, which each node reads at its own time
};

struct FleetCounts {
  std::uint64_t packets = 0;
  std::uint64_t moves = 0;  // packets that came to another node than the one before of their flow
  std::uint64_t lost_to_dead = 0;
  std::uint64_t hashes = 0;
  std::uint64_t failures = 0;
  std::uint64_t drains = 0;
  std::uint64_t allocations = 0;  // of the packet path: none, or it is none
};

class Fleet {
 public:
  Fleet(const FleetSettings& settings, std::uint64_t seed);
  ~Fleet();
  Fleet(const Fleet&) = delete;
  Fleet& operator=(const Fleet&) = delete;

  // All that happens to the nodes until then.
  void pass_time(std::uint64_t now_ms);
  // What the node says that the flow's packet comes to. `last_node` is the flow's own, kNoNode at first.
  const std::vector<Packet>& receive(std::uint64_t now_ms, const Packet& packet, const tcp::FlowKey& flow,
                                     unsigned& last_node);
  // Of the packet that came last; meaningless where it came to a dead node.
  [[nodiscard]] tcp::Outcome last_outcome() const { return last_outcome_; }
  [[nodiscard]] const FleetCounts& counts() const { return counts_; }

 private:
  enum class What : std::uint8_t { hash, fail, detected, drain, back, back_anew };
  struct Event {
    std::uint64_t at_ms;
    std::uint64_t order;
    What what;
    unsigned node;
    friend bool operator>(const Event& a, const Event& b) {
      return a.at_ms != b.at_ms ? a.at_ms > b.at_ms : a.order > b.order;
    }
  };
  struct Node;

  void schedule(std::uint64_t at_ms, What what, unsigned node = 0);
  void schedule_next(std::uint64_t now_ms, What what, std::uint64_t mean_ms);
  void happen(const Event& event);
  void withdraw(unsigned node);
  [[nodiscard]] unsigned any_way();
  [[nodiscard]] unsigned way_of(const tcp::FlowKey& flow) const;
  [[nodiscard]] const tcp::CookieKeys& keys_of(Node& node, std::uint64_t now_ms);

  FleetSettings settings_;
  Random random_;
  std::array<std::uint64_t, 2> hash_seed_{};
  SimService service_;
  std::vector<std::unique_ptr<Node>> nodes_;
  std::vector<unsigned> ways_;  // the nodes that announce
  std::priority_queue<Event, std::vector<Event>, std::greater<>> events_;
  std::uint64_t order_ = 0;
  std::array<std::vector<control::DatedSecret>, 3> files_;  // before, during and after the rotation
  std::vector<Packet> out_;
  std::array<std::uint8_t, 65536> room_;
  tcp::Outcome last_outcome_{};
  FleetCounts counts_;
};

}  // namespace gl::sim
