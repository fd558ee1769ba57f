// Which DNS cookie secrets hold when: a pure function of the secret file and the wall clock, so that all nodes agree.
// Secrets of the file's `dns` lines hold from their dates on. Without such lines a day's secret is keyed BLAKE2b of the
// day's number under the node's secret that holds at its start (RFC 7873 section 7.1 wants none to be used for long).
// Units: seconds since 1970. Ownership: values. Thread: pure functions, called on the main core.
#pragma once

#include <cstdint>

#include "lib/control/keys/secrets.h"
#include "lib/dns/server_cookie.h"

namespace gl::control {

// How long after a change cookies of the secret before are good: as long as they live, and as clocks may differ. As
// much before a change as clocks may differ those of the next are good already, from nodes whose clocks are ahead.
inline constexpr std::uint64_t kDnsClockSkew = 300;
inline constexpr std::uint64_t kDnsOverlap = 3600 + kDnsClockSkew;

[[nodiscard]] dns::CookieSecrets dns_cookie_secrets(const Secrets& secrets, std::uint64_t unix_time);

}  // namespace gl::control
