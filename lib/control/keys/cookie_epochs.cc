#include "lib/control/keys/cookie_epochs.h"

#include <sodium.h>

#include "lib/base/endian.h"

namespace gl::control {

tcp::SipKey epoch_key(std::span<const DatedSecret> secrets, std::uint64_t number, std::uint32_t epoch_seconds) {
  const DatedSecret& secret = secret_at(secrets, number * epoch_seconds);
  std::array<std::uint8_t, 8> message;
  store_be<std::uint64_t>(message.data(), number);
  tcp::SipKey key;
  crypto_generichash(key.data(), key.size(), message.data(), message.size(), secret.bytes.data(), secret.bytes.size());
  return key;
}

tcp::CookieKeys cookie_keys(std::span<const DatedSecret> secrets, std::uint64_t unix_time,
                            std::uint32_t epoch_seconds) {
  const std::uint64_t number = unix_time / epoch_seconds;
  const std::uint64_t elapsed = unix_time % epoch_seconds;
  const bool last_eighth = elapsed >= epoch_seconds - epoch_seconds / 8;
  tcp::CookieKeys keys;
  keys.current = static_cast<std::uint8_t>(number & 1);
  keys.by_parity[keys.current] = epoch_key(secrets, number, epoch_seconds);
  keys.by_parity[1 - keys.current] = epoch_key(secrets, last_eighth ? number + 1 : number - 1, epoch_seconds);
  // Those of n + 1 have only just begun: nothing to close.
  keys.draining = elapsed >= epoch_seconds / 2 && !last_eighth;
  return keys;
}

}  // namespace gl::control
