// --write-pcap: the file, and on standard output what is in it, for how long, and what a server makes of it.
// Units: seconds since 1970, bytes. Thread: main; no EAL, no port. Errors: one line.
#pragma once

#include "app/load/options.h"
#include "lib/base/result.h"

namespace gl::load {

[[nodiscard]] Status write_pcap(const Options& options);

// When a server takes the cookies of this time: from the last eighth of the epoch before, for clocks that are behind,
// to the last eighth of the epoch after (lib/control/keys/cookie_epochs.h).
struct Validity {
  std::uint64_t from = 0;
  std::uint64_t until = 0;  // not included
};
[[nodiscard]] constexpr Validity validity_at(std::uint64_t unix_time, std::uint32_t epoch_seconds) noexcept {
  const std::uint64_t begin = unix_time / epoch_seconds * epoch_seconds;
  const std::uint32_t eighth = epoch_seconds / 8;
  return {begin - eighth, begin + 2ull * epoch_seconds - eighth};
}

}  // namespace gl::load
