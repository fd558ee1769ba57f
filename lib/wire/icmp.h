// The header of ICMP messages and of echo (RFC 792; RFC 4443 section 4 has the same layout for ICMPv6).
// Byte order: as on the wire. Ownership: laid over a frame, never owns. Thread: plain values.
#pragma once

#include <cstdint>

#include "lib/base/endian.h"

namespace gl::wire {

enum class IcmpType : std::uint8_t { echo_reply = 0, unreachable = 3, echo_request = 8 };

inline constexpr std::uint8_t kIcmpFragmentationNeeded = 4;  // code of `unreachable`, RFC 1191

struct IcmpEcho {
  std::uint8_t type;
  std::uint8_t code;
  Be16 checksum;
  Be16 identifier;
  Be16 sequence;
};
static_assert(sizeof(IcmpEcho) == 8 && alignof(IcmpEcho) == 1);

}  // namespace gl::wire
