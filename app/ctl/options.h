// The command line of goldilocks-ctl.
// Ownership: values. Thread: one. Errors: nothing, said on standard error where there is more to say than the usage.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace gl::ctl {

struct Options {
  std::string socket;              // its path
  std::uint32_t wait_seconds = 0;  // for the answer; 0: as long as it takes
  bool json = false;               // prints the answer as it came
  bool help = false;
  std::string command;
  std::string request;  // the line of JSON
};

[[nodiscard]] std::optional<Options> parse_options(int argc, char** argv);
extern const char* const kUsage;

}  // namespace gl::ctl
