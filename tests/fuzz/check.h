// What must hold whatever the input: prints what did not and aborts, so that libFuzzer keeps the input.
// Thread: any.
#pragma once

#include <cstdio>
#include <cstdlib>

namespace gl::fuzz {

inline void check(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "does not hold: %s\n", what);
  std::abort();
}

}  // namespace gl::fuzz
