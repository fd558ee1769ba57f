#include "lib/control/log.h"

#include <cstdio>

namespace gl::control {

void say(const std::string& line) {
  std::fprintf(stderr, "goldilocks: %s\n", line.c_str());
}

}  // namespace gl::control
