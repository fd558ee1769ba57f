// The command line of goldilocks-health.
// Units: milliseconds but where a name says seconds. Ownership: values. Thread: one. Errors: one line, or nothing said
// where the usage says it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "app/health/round.h"
#include "lib/base/result.h"

namespace gl::health {

struct Options {
  std::vector<Endpoint> targets;
  Message question;
  std::uint32_t interval_ms = 1000;
  std::uint32_t timeout_ms = 500;
  std::uint32_t rise = 2;
  std::uint32_t fall = 3;
  std::uint32_t repeat_seconds = 10;
  std::uint32_t command_ms = 5000;
  std::string up;
  std::string down;
  std::string prefix = "rte";
  std::string socket;  // empty: that of `prefix`
  bool control = true;
  bool once = false;
  bool help = false;
};

[[nodiscard]] Result<Options> parse_options(int argc, char** argv);
extern const char* const kUsage;

}  // namespace gl::health
