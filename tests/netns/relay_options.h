// What the relay is told: which interfaces, and what befalls the frames between them, either way.
// Units: as the names say. Errors: parse_options() says what is wrong on stderr and gives the exit status.
#pragma once

#include <array>
#include <cstdint>
#include <variant>

namespace gl::relay {

// One direction.
struct Way {
  std::int64_t delay_ns = 0;
  std::int64_t jitter_ns = 0;       // at most, on top of the delay
  double rate = 0;                  // bytes a second; 0: no limit
  double queue_bytes = 256 * 1024;  // that may wait for the rate
  double loss = 0;                  // shares of all frames, 0 to 1
  double duplicate = 0;
  double reorder = 0;
};

struct Options {
  std::array<const char*, 2> interfaces = {};
  std::array<Way, 2> ways = {};  // from the first interface to the second, and back
  std::uint64_t seed = 1;
};

// The options, or the exit status: 0 after --help, 2 after an error.
std::variant<Options, int> parse_options(int argc, char** argv);

}  // namespace gl::relay
