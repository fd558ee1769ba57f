// The folder in which transferred zones are kept: what is wrong with it, before and at a start.
// Ownership: none. Thread: main core. Errors: one line that names the folder.
#pragma once

#include <string>

#include "lib/base/result.h"

namespace gl::control {

// Whether a start could make it, or write to it. Changes nothing.
[[nodiscard]] Status check_state_folder(const std::string& folder);
// Makes it where it is not there.
[[nodiscard]] Status make_state_folder(const std::string& folder);

// Of a zone that is read from a file, and transferred as well.
[[nodiscard]] std::string given_twice(const std::string& name);

}  // namespace gl::control
