#include "tests/sim/crowded_shapes.h"

#include <algorithm>
#include <array>

namespace gl::sim {
namespace {

void linux_client(ClientSettings& c, Random& random) {
  c.measures = c.congestion = true;
  c.acks = random.chance(0.8) ? Acks::linux : c.acks;
  c.repeat = Repeat::whole_buffers;
  c.probe_ms = 0;
}

// Mostly Linux. Who never joins segments cannot repeat together what is counted together.
void crowd(Scenario& s, Random& random) {
  ClientSettings& c = s.client;
  s.crowded = true;
  s.server.flow_cache = 16;
  c.syn_twice = false;
  c.buffer = random.chance(0.1) ? 8000 : 65535;
  if (random.chance(0.1)) c.mss = 8960;
  if (c.repeat == Repeat::segments) c.repeat = Repeat::bytes;
  if (random.chance(0.85)) linux_client(c, random);
}

void path(Scenario& s, Random& random) {
  ChannelSettings& path = s.channel;
  path.delay_ms = random.pick(std::array<std::uint64_t, 4>{0, 1, random.between(2, 20), random.between(20, 150)});
  path.jitter_ms = random.pick(std::array<std::uint64_t, 7>{0, 0, 1, 3, 10, 60, 100});
  path.in_order = random.chance(0.6);
  path.bytes_a_ms = random.pick(std::array<std::uint64_t, 5>{0, 0, 250, 1250, 12500});
  s.client.first_timeout_ms = (random.chance(0.7) ? 200 : 1000) + path.round_trip_ms();
  s.client.probe_ms = 0;
}

// At more a client whose timer never gets a sample (RFC 6298 section 3, Karn's rule) waits for minutes a loss, and a
// long answer takes hours: scenario `loss` plays that.
void lose(Scenario& s, Random& random) {
  s.channel.loss_to_server = random.pick(std::array{0.0, 0.01, 0.05});
  s.channel.loss_to_client = random.pick(std::array{0.0, 0.01, 0.05});
  s.channel.duplicate = random.pick(std::array{0.0, 0.0, 0.05});
}

}  // namespace

void round_trips(Scenario& s, Random& random) {
  crowd(s, random);
  path(s, random);
  s.heard = true;
}

void round_trips_no_timestamps(Scenario& s, Random& random) {
  round_trips(s, random);
  s.client.timestamps = false;
}

void round_trips_loss(Scenario& s, Random& random) {
  crowd(s, random);
  path(s, random);
  lose(s, random);
  s.client.timestamps = random.chance(0.5);
  s.server.frames = random.chance(0.1);
}

// What the client carries is enough, but for a piece of a query that it was told to forget.
void round_trips_gone(Scenario& s, Random& random) {
  crowd(s, random);
  path(s, random);
  lose(s, random);
  s.loses_pieces = true;
  s.server.nodes = static_cast<unsigned>(random.between(1, 3));
  s.server.restarts = random.pick(std::array{0.0, 0.005, 0.02, 0.1});
  s.server.flow_cache = random.pick(std::array{1u, 16u});
}

// Everything that clients with timestamps do in the other kinds.
void no_timestamps_cache(Scenario& s, Random& random) {
  const auto manner = random.below(4);
  if (manner == 0) crowd(s, random);
  s.pieces = manner == 1;
  if (random.chance(0.4)) linux_client(s.client, random);
  s.client.timestamps = false;
  s.client.syn_twice = false;
  lose(s, random);
  s.channel.jitter_ms = random.pick(std::array<std::uint64_t, 4>{0, 3, 20, 100});
  s.channel.in_order = random.chance(0.3);
  s.server.flow_cache = random.pick(std::array{4u, 64u});
  s.server.frames = random.chance(0.1);
  if (s.pieces) s.client.congestion = random.chance(0.8);
  if (random.chance(0.2)) s.client.buffer = random.pick(std::array{1500u, 8000u});
}

// An entry that is gone is a reset, or our FIN with the answer to a first segment.
void no_timestamps_gone(Scenario& s, Random& random) {
  no_timestamps_cache(s, random);
  s.server.nodes = static_cast<unsigned>(random.between(1, 3));
  s.server.restarts = random.pick(std::array{0.005, 0.02, 0.1});
}

}  // namespace gl::sim
