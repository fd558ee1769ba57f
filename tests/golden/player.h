// Plays a golden dialogue against a responder and compares every packet: flags, numbers, window, options, and each
// payload byte with the concatenation of the answers. Ownership: values. Errors: a Divergence, readable as it stands.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "lib/tcp/cookie.h"
#include "tests/golden/dialogue.h"

namespace gl::golden {

// What no dialogue may depend on.
struct Circumstances {
  bool ipv6 = false;
  std::uint32_t client_isn = 0;
  std::uint8_t key = 0;  // seed of the cookie keys
};

struct Divergence {
  unsigned line = 0;  // of the dialogue, from 1
  std::string what;   // one line
};

[[nodiscard]] std::optional<Divergence> play(const Dialogue& dialogue, const Circumstances& circumstances);

// The dialogue up to the line where it diverged, that line marked, and what happened instead.
[[nodiscard]] std::string report(const Dialogue& dialogue, const Divergence& divergence,
                                 const Circumstances& circumstances);

}  // namespace gl::golden
