// Which cookie keys hold when: a pure function of the secrets, the wall clock and the epoch's length.
// Epoch n is [n, n + 1) times the epoch's length since 1970. Its key is keyed BLAKE2b of n under the secret that holds
// at its start, so all nodes with one secret file agree and a dated secret takes effect everywhere at once. Units:
// seconds. Ownership: values. Thread: pure functions, called on the main core.
#pragma once

#include <cstdint>
#include <span>

#include "lib/control/keys/secrets.h"
#include "lib/tcp/cookie.h"

namespace gl::control {

// The key of epoch `number`: of the secrets, the latest one not after the epoch's start; before all of them, the
// earliest.
[[nodiscard]] tcp::SipKey epoch_key(std::span<const DatedSecret> secrets, std::uint64_t number,
                                    std::uint32_t epoch_seconds);

// In epoch n, n signs. Beside it stands the key of n - 1, whose connections drain from the middle of n on; in the last
// eighth already the key of n + 1, for nodes whose clocks are ahead. `secrets` is not empty.
[[nodiscard]] tcp::CookieKeys cookie_keys(std::span<const DatedSecret> secrets, std::uint64_t unix_time,
                                          std::uint32_t epoch_seconds);

}  // namespace gl::control
