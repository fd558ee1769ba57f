// One message of a core as dnstap's protobuf.
// Units: nanoseconds since 1970. Byte order: addresses and messages as on the wire. Thread: one. Errors: none.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "lib/base/bytes.h"
#include "lib/dns/tap.h"

namespace gl::control {

// The clock at one moment, by which cycles become times.
struct TapClock {
  std::uint64_t cycles = 0;
  std::uint64_t unix_ns = 0;
  double ns_per_cycle = 0;
  [[nodiscard]] std::uint64_t at(std::uint64_t then) const noexcept {
    const auto ago = static_cast<std::int64_t>(cycles - then);
    return unix_ns - static_cast<std::uint64_t>(static_cast<std::int64_t>(static_cast<double>(ago) * ns_per_cycle));
  }
};

struct TapName {
  std::string identity;
  std::string version;
};

// Appends the frame's payload to `out`.
void append_dnstap(const TapName& name, const TapClock& clock, const dns::TapRecord& record, Bytes message,
                   std::vector<std::uint8_t>& out);

}  // namespace gl::control
