// What the secret file holds: the node's secrets, from which keys are derived, and DNS cookie secrets that other
// servers of the address have too. Units: seconds since 1970. Ownership: values. Thread: plain values of the main core.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "lib/dns/server_cookie.h"

namespace gl::control {

template <class Bytes>
struct Dated {
  std::uint64_t since = 0;  // UNIX time from which it holds
  Bytes bytes{};
};
using DatedSecret = Dated<std::array<std::uint8_t, 32>>;
using DatedDnsSecret = Dated<dns::CookieSecret>;

struct Secrets {
  std::vector<DatedSecret> node;    // at least one
  std::vector<DatedDnsSecret> dns;  // empty: derived from the node's
};

// The latest one not after `time`; before all of them, the earliest. `secrets` is not empty.
template <class Secret>
[[nodiscard]] const Secret& secret_at(std::span<const Secret> secrets, std::uint64_t time) {
  const Secret* best = nullptr;
  const Secret* earliest = &secrets.front();
  for (const Secret& secret : secrets) {
    if (secret.since < earliest->since) earliest = &secret;
    if (secret.since <= time && (best == nullptr || secret.since >= best->since)) best = &secret;
  }
  return best != nullptr ? *best : *earliest;
}

}  // namespace gl::control
