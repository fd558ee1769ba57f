// ICMPv6 types, and the messages and options of neighbour discovery (RFC 4443, RFC 4861 sections 4.3, 4.4 and 4.6).
// Byte order: as on the wire. Ownership: laid over a frame, never owns. Thread: pure functions.
// Errors: by value; the option walk never reads past its span.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>

#include "lib/base/bytes.h"
#include "lib/base/endian.h"
#include "lib/wire/address.h"

namespace gl::wire {

enum class Icmpv6Type : std::uint8_t {
  packet_too_big = 2,
  echo_request = 128,
  echo_reply = 129,
  neighbor_solicitation = 135,
  neighbor_advertisement = 136,
};

// Solicitation and advertisement have one layout; only the advertisement uses `flags`.
struct NeighborMessage {
  std::uint8_t type;
  std::uint8_t code;
  Be16 checksum;
  Be32 flags;
  Ipv6Address target;

  static constexpr std::uint32_t kSolicited = 0x40000000;
  static constexpr std::uint32_t kOverride = 0x20000000;
};
static_assert(sizeof(NeighborMessage) == 24 && alignof(NeighborMessage) == 1);

enum class NeighborOption : std::uint8_t { source_link = 1, target_link = 2 };

struct LinkAddressOption {
  std::uint8_t type;
  std::uint8_t length;  // units of 8 bytes
  MacAddress mac;
};
static_assert(sizeof(LinkAddressOption) == 8 && alignof(LinkAddressOption) == 1);

struct NeighborOptions {
  std::optional<MacAddress> source_link;
  std::optional<MacAddress> target_link;
};

// Nothing where an option has length zero or passes the end (RFC 4861 section 4.6: the packet is discarded).
[[nodiscard]] inline std::optional<NeighborOptions> walk_neighbor_options(Bytes options) noexcept {
  NeighborOptions found;
  for (std::size_t at = 0; at < options.size();) {
    if (options.size() - at < 2) return std::nullopt;
    const std::size_t length = std::size_t{options[at + 1]} * 8;
    if (length == 0 || length > options.size() - at) return std::nullopt;
    MacAddress mac;
    std::memcpy(mac.bytes.data(), options.data() + at + 2, mac.bytes.size());
    if (options[at] == static_cast<std::uint8_t>(NeighborOption::source_link)) found.source_link = mac;
    if (options[at] == static_cast<std::uint8_t>(NeighborOption::target_link)) found.target_link = mac;
    at += length;
  }
  return found;
}

}  // namespace gl::wire
