// `--check`: what a start would refuse, all of it, found without the EAL, without ports and without changing a file.
// Ownership: borrows. Thread: main core, nothing else runs. Errors: into the report, a line each.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "lib/control/options/command_line.h"

namespace gl::control {

struct CheckReport {
  std::vector<std::string> found;     // what is as it should be
  std::vector<std::string> warnings;  // odd, and still served
  std::vector<std::string> errors;    // a start would end here
};

// Each zone by itself, so that all that are refused are told. Returns the names of those that are good, in wire form.
std::set<std::string> check_zones(const std::vector<zone::ZoneSource>& sources, CheckReport& report);
// Keys, folder and names of transferred zones; `zones` are read from files.
void check_transfers(const transfer::TransferSettings& settings, const std::set<std::string>& zones,
                     CheckReport& report);

// Prints what was found on standard output. Returns the exit code: 0 good, 1 a start would fail, 2 wrong usage.
[[nodiscard]] int check_configuration(const CommandLine& line);

}  // namespace gl::control
