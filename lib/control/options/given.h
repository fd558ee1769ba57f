// What was given, by flags and by the file, and what of it would do nothing.
// Ownership: values. Thread: main core. Errors: one line each that says where it was given.
#pragma once

#include <string>
#include <vector>

namespace gl::control {

struct GivenOption {
  std::string name;   // without dashes
  std::string value;  // as it was written
  std::string where;  // `--name`, or file, line and key
};

// A line for each that has no effect since another one is missing.
void check_given(const std::vector<GivenOption>& given, std::vector<std::string>& problems);

}  // namespace gl::control
