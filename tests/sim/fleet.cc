#include "tests/sim/fleet.h"

#include <algorithm>

#include "lib/control/keys/cookie_epochs.h"
#include "tests/allocations.h"
#include "tests/sim/segments.h"

namespace gl::sim {
namespace {

constexpr std::uint64_t kFirstEpoch = 1'000'000;
constexpr std::uint64_t kStartMs = kFirstEpoch * kFleetEpochSeconds * 1000 + 80'000;  // some time in it
constexpr std::uint64_t kEpochMs = kFleetEpochSeconds * 1000;
constexpr std::uint64_t kRotation = kFirstEpoch + 2;  // the epoch that the new secret signs first
constexpr std::uint64_t kAwayLeastMs = 2000;
constexpr std::uint64_t kAwayMostMs = 20'000;
constexpr std::uint32_t kFlowCache = 8;  // entries a node: one set, so that they are fought for

control::DatedSecret secret(std::uint8_t fill, std::uint64_t since) {
  control::DatedSecret secret;
  secret.since = since;
  secret.bytes.fill(fill);
  return secret;
}

tcp::ResponderSettings responder_settings() {
  tcp::ResponderSettings settings;
  settings.flow_cache = kFlowCache;
  settings.mss_v6 = 1220;
  return settings;
}

}  // namespace

struct Fleet::Node {
  std::unique_ptr<tcp::Responder> responder;  // none: it has had no packet since it started
  bool dead = false;
  std::uint64_t skew_ms = 0;                // its clock is so far ahead of one that is `settings.skew_ms` behind
  std::array<std::uint64_t, 2> reads_ms{};  // when it reads the file with both secrets, and that with the new one alone
  std::uint64_t second = 0;                 // for which `keys` are
  tcp::CookieKeys keys;
};

Fleet::Fleet(const FleetSettings& settings, std::uint64_t seed)
    : settings_(settings), random_(seed), service_(kMaxRenderedAnswer) {
  const std::uint64_t rotation_s = kRotation * kFleetEpochSeconds;
  files_ = {{{secret(1, 0)}, {secret(1, 0), secret(2, rotation_s)}, {secret(2, rotation_s)}}};
  const std::uint64_t rotation_ms = rotation_s * 1000 - kStartMs;
  for (unsigned i = 0; i < settings.nodes; ++i) {
    auto node = std::make_unique<Node>();
    node->skew_ms = random_.below(2 * settings.skew_ms + 1);
    // Both secrets are to be there when the earliest clock needs the new one, which is an eighth of an epoch before the
    // new one signs; the old one may go two epochs later.
    node->reads_ms = {random_.below(rotation_ms - kEpochMs / 2), rotation_ms + 2 * kEpochMs + random_.below(kEpochMs)};
    nodes_.push_back(std::move(node));
    ways_.push_back(i);
  }
  hash_seed_ = {random_.next(), random_.next()};
  schedule_next(0, What::hash, settings.hash_every_ms);
  schedule_next(0, What::fail, settings.fail_every_ms);
  schedule_next(0, What::drain, settings.drain_every_ms);
}
Fleet::~Fleet() = default;

void Fleet::schedule(std::uint64_t at_ms, What what, unsigned node) {
  events_.push({at_ms, ++order_, what, node});
}

void Fleet::schedule_next(std::uint64_t now_ms, What what, std::uint64_t mean_ms) {
  const std::uint64_t at = now_ms + (mean_ms == 0 ? 0 : random_.between(1, 2 * mean_ms));
  if (mean_ms != 0 && at < settings_.length_ms) schedule(at, what);
}

void Fleet::pass_time(std::uint64_t now_ms) {
  while (!events_.empty() && events_.top().at_ms <= now_ms) {
    const Event event = events_.top();
    events_.pop();
    happen(event);
  }
}

unsigned Fleet::any_way() {
  return ways_[random_.below(ways_.size())];
}

void Fleet::withdraw(unsigned node) {
  ways_.erase(std::remove(ways_.begin(), ways_.end(), node), ways_.end());
}

void Fleet::happen(const Event& event) {
  const std::uint64_t away = random_.between(kAwayLeastMs, kAwayMostMs);
  const bool enough = ways_.size() > settings_.nodes / 2;
  switch (event.what) {
    case What::hash:
      hash_seed_ = {random_.next(), random_.next()};
      ++counts_.hashes;
      return schedule_next(event.at_ms, What::hash, settings_.hash_every_ms);
    case What::fail: {
      const unsigned node = any_way();
      if (enough && !nodes_[node]->dead) {
        nodes_[node]->dead = true;
        ++counts_.failures;
        schedule(event.at_ms + settings_.detect_ms, What::detected, node);
        schedule(event.at_ms + settings_.detect_ms + away, What::back_anew, node);
      }
      return schedule_next(event.at_ms, What::fail, settings_.fail_every_ms);
    }
    case What::detected:
      return withdraw(event.node);
    case What::drain: {
      const unsigned node = any_way();
      if (enough && !nodes_[node]->dead) {
        withdraw(node);
        ++counts_.drains;
        schedule(event.at_ms + away, random_.chance(0.5) ? What::back : What::back_anew, node);
      }
      return schedule_next(event.at_ms, What::drain, settings_.drain_every_ms);
    }
    case What::back_anew:
      nodes_[event.node]->responder.reset();
      nodes_[event.node]->dead = false;
      [[fallthrough]];
    case What::back:
      ways_.push_back(event.node);
      return;
  }
}

// By the remainder: one way less or more moves nearly every flow.
unsigned Fleet::way_of(const tcp::FlowKey& flow) const {
  return ways_[(tcp::seeded_hash(flow, hash_seed_) >> 16) % ways_.size()];
}

const tcp::CookieKeys& Fleet::keys_of(Node& node, std::uint64_t now_ms) {
  const std::uint64_t second = (kStartMs + now_ms + node.skew_ms - settings_.skew_ms) / 1000;
  if (second == node.second) return node.keys;
  std::size_t file = 0;
  if (settings_.rotates) file = now_ms < node.reads_ms[0] ? 0 : now_ms < node.reads_ms[1] ? 1 : 2;
  node.second = second;
  node.keys = control::cookie_keys(files_[file], second, kFleetEpochSeconds);
  return node.keys;
}

const std::vector<Packet>& Fleet::receive(std::uint64_t now_ms, const Packet& packet, const tcp::FlowKey& flow,
                                          unsigned& last_node) {
  out_.clear();
  const unsigned which = way_of(flow);
  Node& node = *nodes_[which];
  ++counts_.packets;
  if (last_node != kNoNode && which != last_node) ++counts_.moves;
  last_node = which;
  if (node.dead) {
    ++counts_.lost_to_dead;
    return out_;
  }
  if (node.responder == nullptr) node.responder = std::make_unique<tcp::Responder>(responder_settings());
  node.responder->begin_burst(now_ms, keys_of(node, now_ms));
  service_.begin_burst(now_ms);
  const std::uint64_t before = test::allocations_so_far();
  const tcp::Plan& plan = node.responder->handle(to_segment(packet, flow), &service_);
  counts_.allocations += test::allocations_so_far() - before;
  last_outcome_ = plan.outcome;
  counts_.allocations += append_packets(plan, room_, out_);
  return out_;
}

}  // namespace gl::sim
