#include "lib/control/keys/dns_cookie_secrets.h"

#include <sodium.h>

#include <array>
#include <cstring>
#include <span>

#include "lib/base/endian.h"

namespace gl::control {

namespace {

constexpr std::uint64_t kDay = 86400;

// The message is longer than that of an epoch's key (cookie_epochs.h), which says nothing of it.
dns::CookieSecret secret_of_day(const Secrets& secrets, std::uint64_t day) {
  constexpr char kPurpose[] = "DNS cookie";
  std::array<std::uint8_t, sizeof kPurpose + 8> message;
  std::memcpy(message.data(), kPurpose, sizeof kPurpose);
  store_be<std::uint64_t>(message.data() + sizeof kPurpose, day);
  const DatedSecret& secret = secret_at(std::span<const DatedSecret>(secrets.node), day * kDay);
  dns::CookieSecret key;
  crypto_generichash(key.data(), key.size(), message.data(), message.size(), secret.bytes.data(), secret.bytes.size());
  return key;
}

// `at(time)` is the secret that holds then.
template <class At>
dns::CookieSecrets around(std::uint64_t unix_time, At at) {
  dns::CookieSecrets all{.current = at(unix_time)};
  for (const std::uint64_t time : {unix_time - kDnsOverlap, unix_time + kDnsClockSkew}) {
    all.other = at(time);
    all.has_other = all.other != all.current;
    if (all.has_other) break;
  }
  if (!all.has_other) all.other = {};
  return all;
}

}  // namespace

dns::CookieSecrets dns_cookie_secrets(const Secrets& secrets, std::uint64_t unix_time) {
  if (secrets.dns.empty()) {
    return around(unix_time, [&](std::uint64_t time) { return secret_of_day(secrets, time / kDay); });
  }
  const std::span<const DatedDnsSecret> given(secrets.dns);
  return around(unix_time, [&](std::uint64_t time) { return secret_at(given, time).bytes; });
}

}  // namespace gl::control
