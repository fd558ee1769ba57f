#include "tests/sim/scenario.h"

#include <algorithm>
#include <array>
#include <stdexcept>
#include <string>

#include "lib/tcp/rules.h"
#include "tests/sim/crowded_shapes.h"
#include "tests/sim/dialogue_of.h"
#include "tests/sim/forward_scenario.h"

namespace gl::sim {
namespace {

using Shape = void (*)(Scenario&, Random&);

struct NamedShape {
  Kind kind;
  Shape shape;
};

void plain(Scenario&, Random&) {}
void cache(Scenario& s, Random& random) {
  s.prompt = true;
  s.server.flow_cache = 16;
  s.channel.delay_ms = random.between(1, 40);
}
// Moderate ones: what pipelining is in practice.
void pipelining(Scenario& s, Random& random) {
  cache(s, random);
  s.moderate = true;
}
void loss(Scenario& s, Random& random) {
  s.channel.loss_to_server = random.pick(std::array{0.01, 0.05, 0.2});
  s.channel.loss_to_client = random.pick(std::array{0.01, 0.05, 0.2});
  s.server.flow_cache = random.pick(std::array{0u, 4u});
}
void disorder(Scenario& s, Random& random) {
  s.channel.loss_to_server = s.channel.loss_to_client = random.pick(std::array{0.0, 0.05});
  s.channel.duplicate = random.pick(std::array{0.0, 0.05, 0.3});
  s.channel.jitter_ms = random.pick(std::array<std::uint64_t, 4>{3, 20, 100, 400});
  s.server.flow_cache = random.pick(std::array{0u, 4u});
}
void amnesia(Scenario& s, Random& random) {
  s.loses_pieces = true;
  s.server.flow_cache = 4;
  s.server.restarts = random.pick(std::array{0.02, 0.1, 0.3});
  s.channel.loss_to_server = s.channel.loss_to_client = random.pick(std::array{0.0, 0.05});
  s.channel.jitter_ms = random.pick(std::array<std::uint64_t, 3>{0, 5, 100});
}
void spray(Scenario& s, Random& random) {
  s.server.nodes = static_cast<unsigned>(random.between(2, 4));
  s.server.flow_cache = random.pick(std::array{0u, 4u});
  s.channel.loss_to_server = s.channel.loss_to_client = random.pick(std::array{0.0, 0.05});
  s.channel.jitter_ms = random.pick(std::array<std::uint64_t, 3>{0, 5, 100});
}
void epoch(Scenario& s, Random& random) {
  loss(s, random);
  s.server.nodes = static_cast<unsigned>(random.between(1, 3));
  s.server.epoch_at = static_cast<unsigned>(random.between(1, 30));
  s.early_fin = true;
}
void zone(Scenario& s, Random& random) {
  disorder(s, random);
  s.server.nodes = static_cast<unsigned>(random.between(1, 2));
  s.server.restarts = random.pick(std::array{0.0, 0.1});
  s.server.zone_at = static_cast<unsigned>(random.between(2, 20));
  s.resets = true;
}
void no_timestamps(Scenario& s, Random& random) {
  s.client.timestamps = false;
  s.channel.loss_to_server = s.channel.loss_to_client = random.pick(std::array{0.0, 0.05, 0.2});
  s.channel.duplicate = random.pick(std::array{0.0, 0.05});
  s.channel.jitter_ms = random.pick(std::array<std::uint64_t, 3>{0, 20, 100});
  s.server.nodes = static_cast<unsigned>(random.between(1, 2));
  static_cast<void>(random.next());
  s.server.flow_cache = 0;
}
void windows(Scenario& s, Random& random) {
  s.client.buffer = random.pick(std::array{300u, 1500u, 3000u, 8000u});
  if (random.chance(0.7)) {
    s.client.read_pause_ms = random.between(1, 80);
    s.client.read_at_once = static_cast<std::uint32_t>(random.between(100, 4000));
  }
  s.channel.loss_to_server = s.channel.loss_to_client = random.pick(std::array{0.0, 0.05});
  s.server.flow_cache = random.pick(std::array{0u, 4u});
}
void frames(Scenario& s, Random& random) {
  disorder(s, random);
  s.server.frames = true;
  s.server.nodes = static_cast<unsigned>(random.between(1, 2));
  s.channel.flip = random.pick(std::array{0.0, 0.02, 0.1});
}
void slow(Scenario& s, Random& random) {
  s.server.slow_ms = random.pick(std::array<std::uint64_t, 4>{2, 30, 300, 3000});
  if (random.chance(0.5)) disorder(s, random);
  if (random.chance(0.5)) loss(s, random);
  s.server.flow_cache = random.pick(std::array{0u, 4u});
  s.server.nodes = static_cast<unsigned>(random.between(1, 2));
  s.server.restarts = random.pick(std::array{0.0, 0.0, 0.05});
  s.loses_pieces = s.server.nodes > 1 || s.server.restarts > 0;
  if (random.chance(0.2)) s.client.timestamps = false;
}
void everything(Scenario& s, Random& random) {
  s.loses_pieces = true;
  if (random.chance(0.3)) windows(s, random);
  disorder(s, random);
  loss(s, random);
  s.server.flow_cache = random.pick(std::array{0u, 1u, 4u});
  s.server.nodes = static_cast<unsigned>(random.between(1, 4));
  s.server.restarts = random.pick(std::array{0.0, 0.05, 0.2});
  s.server.frames = random.chance(0.1);
  s.channel.flip = random.pick(std::array{0.0, 0.02});
  if (random.chance(0.2)) s.client.timestamps = false;
  if (random.chance(0.2)) s.server.epoch_at = static_cast<unsigned>(random.between(1, 30));
  if (random.chance(0.2)) s.server.zone_at = static_cast<unsigned>(random.between(2, 20));
  s.early_fin = s.server.epoch_at != 0;
  s.resets = s.server.zone_at != 0;
}

void lengthy(Scenario& s, Random& random) {
  s.lengthy = true;
  s.server.flow_cache = random.pick(std::array{1u, 4u, 64u});
  s.client.mss = std::max<std::uint16_t>(s.client.mss, 536);
  s.client.syn_twice = false;
  s.channel.loss_to_server = s.channel.loss_to_client = random.pick(std::array{0.0, 0.001, 0.01, 0.05});
  s.channel.duplicate = random.pick(std::array{0.0, 0.0, 0.02});
  s.channel.jitter_ms = random.pick(std::array<std::uint64_t, 5>{0, 0, 3, 20, 200});
  s.server.frames = random.chance(0.1);
  s.server.nodes = random.chance(0.2) ? 2 : 1;
  s.server.restarts = random.chance(0.3) ? 0.001 : 0.0;
}

// Clients that are stuck with a piece of a query until that is acknowledged.
void pieces(Scenario& s, Random& random) {
  s.pieces = true;
  if (random.chance(0.6)) disorder(s, random);
  if (random.chance(0.6)) loss(s, random);
  s.server.flow_cache = random.pick(std::array{4u, 64u});
  s.server.frames = random.chance(0.1);
  if (random.chance(0.2) && !s.server.frames)
    s.server.slow_ms = random.pick(std::array<std::uint64_t, 3>{2, 300, 3000});
  s.client.congestion = random.chance(0.8);
  if (random.chance(0.2)) s.client.buffer = random.pick(std::array{300u, 1500u, 8000u});
  if (random.chance(0.1)) s.server.epoch_at = static_cast<unsigned>(random.between(1, 60));
  s.early_fin = s.server.epoch_at != 0;
}
// A piece that was acknowledged is gone with its entry.
void pieces_forgotten(Scenario& s, Random& random) {
  pieces(s, random);
  s.server.nodes = static_cast<unsigned>(random.between(1, 3));
  s.server.restarts = random.pick(std::array{0.02, 0.1, 0.2});
  s.resets = true;
}

// The same without an entry: whoever is stuck with a piece gets a RST.
void pieces_unkept(Scenario& s, Random& random) {
  pieces(s, random);
  s.server.flow_cache = 0;
  s.resets = true;
}

// A long answer behind some others. Whoever loses its entry resets it.
void bulk(Scenario& s, Random& random) {
  s.bulk = true;
  if (random.chance(0.3)) windows(s, random);
  if (random.chance(0.5)) disorder(s, random);
  s.channel.loss_to_server = s.channel.loss_to_client = random.pick(std::array{0.0, 0.01, 0.05, 0.2});
  s.server.flow_cache = random.pick(std::array{0u, 1u, 4u});
  s.server.bulk_flows = random.pick(std::array{1u, 4u});
  if (random.chance(0.1)) s.server.bulk_rate = static_cast<std::uint32_t>(random.between(50'000, 1'000'000));
  s.server.frames = random.chance(0.2);
  s.client.timestamps = random.chance(0.7);
  s.client.syn_twice = false;
  s.client.window_scale = random.pick(std::array<std::uint8_t, 7>{0, 2, 6, 7, 8, 10, 14});
  if (random.chance(0.5)) s.client.buffer = random.pick(std::array{65535u, 300'000u, 3'000'000u});
  // A window that rounds to nothing is never open.
  if (s.client.buffer >> s.client.window_scale < 4) s.client.window_scale = 2;
}
void bulk_gone(Scenario& s, Random& random) {
  bulk(s, random);
  s.server.nodes = static_cast<unsigned>(random.between(1, 2));
  s.server.restarts = random.pick(std::array{0.001, 0.01, 0.05});
  if (random.chance(0.2)) s.server.zone_at = static_cast<unsigned>(random.between(2, 200));
  s.resets = s.early_fin = true;
  // Whoever has nothing to repeat, and hears nothing any more, learns of it by a probe only.
  s.client.keepalive_ms = random.between(500, 20'000);
}

constexpr std::array<NamedShape, 26> kShapes = {{
    {{"plain", "one node that remembers nothing, a sound network"}, plain},
    {{"cache", "one node with a flow cache, a sound network: no timer of the client may be needed", true}, cache},
    {{"pipelining", "one node with a flow cache, a sound network, ordinary queries and answers"}, pipelining},
    {{"loss", "1 to 20 % of the packets lost, each way"}, loss},
    {{"disorder", "packets doubled and late, up to beyond the client's timer"}, disorder},
    {{"amnesia", "the node starts anew between any two packets"}, amnesia},
    {{"spray", "each packet to any of two to four nodes"}, spray},
    {{"epoch", "the key changes in the middle, and the nodes differ in when"}, epoch},
    {{"zone", "the answers change in the middle: a RST, or answers whole of either version"}, zone},
    {{"no-timestamps", "clients without timestamps, no flow cache: one segment of queries"}, no_timestamps},
    {{"windows", "small receive windows that close and open"}, windows},
    {{"frames", "whole frames through the datapath, with real checksums and bits turned over"}, frames},
    {{"everything", "any of these together"}, everything},
    {{"slow", "answers that take their time, up to beyond the client's timer: segments wait for them"}, slow},
    {{"long", "megabytes over one connection of a client that pipelines, beyond the reach of its cookie", false, 100},
     lengthy},
    {{"pieces", "queries in pieces, by clients whose congestion window is one segment: none is reset"}, pieces},
    {{"pieces-gone", "the same, and nodes that forget the pieces: answered or reset, never stalled"}, pieces_forgotten},
    {{"round-trips", "round trips up to 300 ms, more queries than our window holds, no loss: nobody waits for long"},
     round_trips},
    {{"round-trips-no-timestamps", "the same, by clients without timestamps"}, round_trips_no_timestamps},
    {{"round-trips-loss", "the same, by both, with loss: none is reset, none stalls"}, round_trips_loss},
    {{"no-timestamps-cache", "clients without timestamps, one node with a flow cache: all that TCP allows"},
     no_timestamps_cache},
    {{"no-timestamps-gone", "the same, several nodes that forget: answered, closed or reset, never stalled"},
     no_timestamps_gone},
    {{"round-trips-gone", "round trips, several nodes that forget: reset is only who had a piece acknowledged alone"},
     round_trips_gone},
    {{"bulk", "an answer beyond 64 KiB behind others, with loss and disorder: it arrives whole", false, 20}, bulk},
    {{"bulk-gone", "the same, nodes that forget, answers that change: whole or reset, never stalled", false, 20},
     bulk_gone},
    {{"pieces-unkept", "queries in pieces, and no entry to keep one: answered or reset, never stalled"}, pieces_unkept},
}};

// Only what the design helps: see docs/testing.md, "A simulated network".
void settle(Scenario& s) {
  ClientSettings& c = s.client;
  // Without timestamps a client has nothing but its entry, or one segment of queries.
  const bool remembered = s.server.flow_cache != 0;
  s.one_segment = !c.timestamps && !remembered;
  if (!c.timestamps && remembered && (s.server.nodes > 1 || s.server.restarts > 0)) s.resets = s.early_fin = true;
  c.mss = std::min(c.mss, s.server.frames ? s.server.mss : c.mss);
  // A zone that changes while an older answer may still arrive, or while the client holds some later part of one, is
  // not seen by a server that keeps nothing.
  if (s.server.zone_at != 0) {
    s.channel.duplicate = 0;
    s.channel.jitter_ms = 0;
    s.channel.loss_to_client = 0;
    s.channel.flip = 0;
    c.probe_ms = 0;
    c.syn_twice = false;
  }
  // A SYN that comes again behind the first data takes the entry with it.
  if (s.pieces && s.channel.jitter_ms >= 2 * s.channel.delay_ms) {
    s.channel.duplicate = 0;
    c.syn_twice = false;
  }
  if (!s.prompt) return;
  c.probe_ms = 0;
  c.buffer = 65535;
  if (!s.moderate) return;
  c.mss = std::max<std::uint16_t>(c.mss, 1220);
  c.closing = Closing::after_reading;
}

}  // namespace

void any_client(Scenario& s, Random& random) {
  ClientSettings& c = s.client;
  c.mss = random.pick(std::array<std::uint16_t, 10>{216, 536, 1220, 1360, 1440, 1452, 1460, 1460, 4000, 8960});
  c.sack = random.chance(0.8);
  c.nagle = random.chance(0.2);
  c.acks = random.chance(0.5) ? Acks::every_second : Acks::each;
  c.old_acks_stamp = random.chance(0.3);
  c.resends_after_timeout = random.chance(0.7);
  c.syn_twice = random.chance(0.05);
  c.repeat = random.pick(std::array{Repeat::whole_buffers, Repeat::whole_buffers, Repeat::bytes, Repeat::segments});
  if (random.chance(0.15)) c.closing = random.chance(0.5) ? Closing::with_last_write : Closing::after_last_write;
  c.buffer = random.chance(0.2) ? 8000 : 65535;
  c.first_timeout_ms = random.pick(std::array<std::uint64_t, 3>{200, 200, 1000});
  c.isn = static_cast<std::uint32_t>(random.next());
  c.clock = static_cast<std::uint32_t>(random.next());
  if (random.chance(0.1)) c.keepalive_ms = random.between(50, 2000);
  s.channel.delay_ms = random.between(1, 50);
  c.first_timeout_ms += 2 * s.channel.delay_ms;
  if (random.chance(0.3)) c.probe_ms = 4 * s.channel.delay_ms + 2;
  s.server.v6 = random.chance(0.5);
  s.server.mss = s.server.v6 ? 1220 : 1460;
  s.server.key = static_cast<std::uint8_t>(random.below(200));
}

std::span<const Kind> kinds() {
  static const std::vector<Kind> list = [] {
    std::vector<Kind> all;
    for (const NamedShape& shape : kShapes) all.push_back(shape.kind);
    all.insert(all.end(), forward_kinds().begin(), forward_kinds().end());
    return all;
  }();
  return list;
}

Scenario make_scenario(std::string_view name, std::uint64_t seed) {
  if (std::optional<Scenario> forward = make_forward_scenario(name, seed)) return *std::move(forward);
  const auto shape = std::find_if(kShapes.begin(), kShapes.end(), [&](const auto& s) { return s.kind.name == name; });
  if (shape == kShapes.end()) throw std::runtime_error("no scenario of that name: " + std::string(name));
  // The factor stays as it is, so that a seed means the same exchange when a kind is added.
  Random random(seed * 13 + static_cast<std::uint64_t>(shape - kShapes.begin()));
  Scenario scenario;
  scenario.name = shape->kind.name;
  scenario.seed = seed;
  any_client(scenario, random);
  shape->shape(scenario, random);
  settle(scenario);
  write_dialogue(scenario, random);
  return scenario;
}

}  // namespace gl::sim
