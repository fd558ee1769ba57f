// What one simulated exchange with forwarding is made of: clients, a node, backends, and others who ask.
// Units: milliseconds, bytes, shares of all. Ownership: values. Thread: any.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "lib/backend/settings.h"
#include "tests/sim/forward_questions.h"
#include "tests/sim/scenario.h"

namespace gl::sim {

// How the name servers behave.
struct BackendBehaviour {
  std::uint64_t delay_ms = 5;  // each reply takes up to so long
  double late = 0;             // comes only after the node's time-out
  double loss = 0;             // of questions and replies together
  double duplicate = 0;
  double servfail = 0;
  double truncate = 0;   // TC, whatever the length
  double malformed = 0;  // ends in the middle of a record
  double forge = 0;      // wrong replies of all kinds come before the right one
  double tcp_fails = 0;  // a job of the helper ends without a reply
  bool rotates = false;  // every answer is a version of its own
  bool counts_down = false;
  unsigned silent = 0;  // so many of them never answer
};

// Somebody else who asks the same over UDP, so that newer versions get into the store.
struct Ghost {
  std::uint64_t at_ms = 0;
  std::uint16_t port = 0;
  unsigned times = 1;
  ForwardRequest request;
};

// A client over TCP, whose requests are the scenario's queries.
struct ForwardParty {
  Scenario scenario;
  std::vector<ForwardRequest> requests;
};

struct ForwardWorld {
  backend::ForwardSettings settings;
  BackendBehaviour behaviour;
  std::size_t jobs = 4;  // of the TCP helper; 0: there is none
  double restarts = 0;   // share of the clients' packets before which the node starts anew
  bool forgets = false;  // answers may be overwritten, or no longer remembered
  bool immediate = false;
  std::vector<Topic> topics;
  std::size_t fresh = 0;  // from here on: topics that nobody asks for before the end
  std::vector<ForwardParty> parties;
  std::vector<Ghost> ghosts;
};

}  // namespace gl::sim
