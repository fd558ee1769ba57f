// What one simulated exchange is made of: all of it follows from the scenario's name and a seed.
// Units: milliseconds, bytes. Ownership: values. Thread: any.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "tests/sim/client.h"
#include "tests/sim/random.h"
#include "tests/sim/server.h"

namespace gl::sim {

struct ForwardWorld;

struct Scenario {
  std::string_view name;
  std::uint64_t seed = 0;
  ServerSettings server;
  ClientSettings client;
  ChannelSettings channel;
  std::vector<Query> queries;
  std::vector<Write> writes;
  bool resets = false;        // a RST may end it
  bool early_fin = false;     // our FIN may come before the last answer, behind a whole one
  bool prompt = false;        // no timer of the client may be needed
  bool lengthy = false;       // far beyond what the cookie alone validates
  bool pieces = false;        // queries in many pieces, with pauses up to beyond the client's timer
  bool moderate = false;      // ordinary answers, and no query in pieces
  bool one_segment = false;   // of queries a connection: a client without timestamps, and nobody remembers it
  bool crowded = false;       // more queries than our window holds, answers of any size
  bool loses_pieces = false;  // a RST may end it where a piece of a query was acknowledged alone
  bool bulk = false;          // the last answer is longer than a segment's may be
  bool heard = false;         // no client is silent for longer than its own timer and three round trips
  // Where the node forwards: everything, this client included. Nothing else counts then but name and seed.
  std::shared_ptr<const ForwardWorld> forward{};
};

struct Kind {
  std::string_view name;
  std::string_view what;
  bool goal = false;        // not reached yet by all exchanges: played only when named
  std::uint64_t worth = 1;  // so many exchanges of the other kinds take as long
};
[[nodiscard]] std::span<const Kind> kinds();

// What a client is like, before the kind of scenario has its say.
void any_client(Scenario& scenario, Random& random);

// Throws std::runtime_error for a name that is none.
[[nodiscard]] Scenario make_scenario(std::string_view name, std::uint64_t seed);

}  // namespace gl::sim
