// The cookie of TCP Fast Open (RFC 7413 section 4.1.2): it proves that its sender receives at its address. 64 bits of
// SipHash-2-4 over both addresses under the epoch's key, so every node with the secret knows it, and nothing is kept.
// Byte order: host value of the wire's bytes. Ownership: keys are borrowed. Thread: pure functions.
#pragma once

#include <cstdint>

#include "lib/tcp/cookie.h"

namespace gl::tcp {

[[nodiscard]] std::uint64_t make_fast_open_cookie(const CookieKeys& keys, const FlowKey& flow) noexcept;

enum class FastOpenStanding : std::uint8_t {
  invalid,
  current,
  other,  // of the other epoch whose key we hold: valid, and due for a fresh one
};
[[nodiscard]] FastOpenStanding check_fast_open_cookie(const CookieKeys& keys, const FlowKey& flow,
                                                      std::uint64_t cookie) noexcept;

}  // namespace gl::tcp
