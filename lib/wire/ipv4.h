// The IPv4 header and its options (RFC 791).
// Byte order: as on the wire. Ownership: laid over a frame, never owns. Thread: plain values.
#pragma once

#include <cstddef>
#include <cstdint>

#include "lib/base/bytes.h"
#include "lib/base/endian.h"
#include "lib/wire/address.h"

namespace gl::wire {

enum class IpProtocol : std::uint8_t { icmp = 1, tcp = 6, udp = 17, icmpv6 = 58 };

struct Ipv4Header {
  std::uint8_t version_ihl;
  std::uint8_t traffic_class;  // DSCP 6, ECN 2
  Be16 total_length;
  Be16 identification;
  Be16 fragment;  // flags 3, offset 13
  std::uint8_t ttl;
  std::uint8_t protocol;
  Be16 checksum;
  Ipv4Address source;
  Ipv4Address destination;

  static constexpr std::uint16_t kDontFragment = 0x4000;
  static constexpr std::uint16_t kFragmentMask = 0x3fff;  // more-fragments flag and offset

  [[nodiscard]] constexpr unsigned version() const noexcept { return version_ihl >> 4; }
  [[nodiscard]] constexpr std::size_t header_length() const noexcept { return std::size_t{version_ihl & 0x0fu} * 4; }
  [[nodiscard]] constexpr bool is_fragment() const noexcept { return (fragment.host() & kFragmentMask) != 0; }
};
static_assert(sizeof(Ipv4Header) == 20 && alignof(Ipv4Header) == 1);

enum class Ipv4Options : std::uint8_t { acceptable, source_routed, malformed };

// Walks the options; never reads past `options`. Source routes (RFC 7126 section 4) are told apart from the rest.
[[nodiscard]] inline Ipv4Options check_ipv4_options(Bytes options) noexcept {
  constexpr std::uint8_t kEnd = 0, kNop = 1, kLooseRoute = 131, kStrictRoute = 137;
  for (std::size_t at = 0; at < options.size();) {
    const std::uint8_t kind = options[at];
    if (kind == kEnd) break;
    if (kind == kNop) {
      ++at;
      continue;
    }
    if (kind == kLooseRoute || kind == kStrictRoute) return Ipv4Options::source_routed;
    if (options.size() - at < 2) return Ipv4Options::malformed;
    const std::size_t length = options[at + 1];
    if (length < 2 || length > options.size() - at) return Ipv4Options::malformed;
    at += length;
  }
  return Ipv4Options::acceptable;
}

}  // namespace gl::wire
