// What the main core tells the operator: one line each on stderr. Never called by a worker.
#pragma once

#include <string>

namespace gl::control {

void say(const std::string& line);

}  // namespace gl::control
