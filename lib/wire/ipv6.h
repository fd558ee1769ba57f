// The IPv6 header and the walk over its extension headers (RFC 8200 section 4, RFC 6946, RFC 5095).
// Byte order: as on the wire. Ownership: laid over a frame, never owns. Thread: pure functions.
// Errors: by value; the walk never reads past its span and takes at most kMaxExtensions headers.
#pragma once

#include <cstddef>
#include <cstdint>

#include "lib/base/bytes.h"
#include "lib/base/endian.h"
#include "lib/wire/address.h"

namespace gl::wire {

struct Ipv6Header {
  Be32 version_class_flow;  // version 4, traffic class 8, flow label 20
  Be16 payload_length;
  std::uint8_t next_header;
  std::uint8_t hop_limit;
  Ipv6Address source;
  Ipv6Address destination;

  [[nodiscard]] constexpr unsigned version() const noexcept { return version_class_flow.host() >> 28; }
};
static_assert(sizeof(Ipv6Header) == 40 && alignof(Ipv6Header) == 1);

enum class Extension : std::uint8_t {
  hop_by_hop = 0,
  routing = 43,
  fragment = 44,
  authentication = 51,
  none = 59,
  destination = 60
};

inline constexpr unsigned kMaxExtensions = 8;

struct ExtensionWalk {
  enum class Kind : std::uint8_t { upper_layer, fragment, none, malformed, refused };
  Kind kind = Kind::malformed;
  std::uint8_t protocol = 0;  // of the upper layer
  std::size_t length = 0;     // bytes of extension headers before it
};

namespace detail {
// RFC 8200 section 4.2: an unknown option whose two high bits are not 00 makes the packet one to discard.
[[nodiscard]] inline bool options_acceptable(Bytes options) noexcept {
  constexpr std::uint8_t kPad1 = 0, kPadN = 1, kRouterAlert = 5;
  for (std::size_t at = 0; at < options.size();) {
    const std::uint8_t kind = options[at];
    if (kind == kPad1) {
      ++at;
      continue;
    }
    if (options.size() - at < 2 || options[at + 1] > options.size() - at - 2) return false;
    if (kind != kPadN && kind != kRouterAlert && (kind & 0xc0) != 0) return false;
    at += 2u + options[at + 1];
  }
  return true;
}

struct Step {
  ExtensionWalk::Kind kind = ExtensionWalk::Kind::upper_layer;  // upper_layer: go on
  std::size_t length = 0;
};
// One extension header at the front of `rest`, which has at least 8 bytes.
[[nodiscard]] inline Step step_extension(Extension type, Bytes rest) noexcept {
  using Kind = ExtensionWalk::Kind;
  const std::size_t units = rest[1];
  switch (type) {
    case Extension::fragment:
      // RFC 6946: offset 0 and no more fragments is a whole packet, taken by itself.
      return {(load_be<std::uint16_t>(rest.data() + 2) & 0xfff9u) != 0 ? Kind::fragment : Kind::upper_layer, 8};
    case Extension::authentication:
      return {Kind::refused, 0};  // RFC 4302 section 3.4.2: no security association is ours
    case Extension::routing:
      // RFC 8200 section 4.4: segments left to be visited, and we visit none (RFC 5095 for type 0).
      return {rest[3] != 0 ? Kind::refused : Kind::upper_layer, (units + 1) * 8};
    default: {
      const std::size_t length = (units + 1) * 8;
      if (length > rest.size()) return {Kind::malformed, 0};
      return {options_acceptable(rest.subspan(2, length - 2)) ? Kind::upper_layer : Kind::refused, length};
    }
  }
}
}  // namespace detail

// `payload` is all that the IPv6 payload length covers.
[[nodiscard]] inline ExtensionWalk walk_extensions(std::uint8_t next_header, Bytes payload) noexcept {
  using Kind = ExtensionWalk::Kind;
  std::size_t at = 0;
  for (unsigned count = 0; count <= kMaxExtensions; ++count) {
    const auto type = static_cast<Extension>(next_header);
    switch (type) {
      case Extension::none:
        return {Kind::none, next_header, at};
      case Extension::hop_by_hop:
        if (at != 0) return {Kind::refused, next_header, at};  // only ever directly after the header
        break;
      case Extension::routing:
      case Extension::fragment:
      case Extension::authentication:
      case Extension::destination:
        break;
      default:
        return {Kind::upper_layer, next_header, at};
    }
    if (payload.size() - at < 8) return {Kind::malformed, next_header, at};
    const detail::Step step = detail::step_extension(type, payload.subspan(at));
    if (step.kind != Kind::upper_layer) return {step.kind, next_header, at};
    if (step.length > payload.size() - at) return {Kind::malformed, next_header, at};
    next_header = payload[at];
    at += step.length;
  }
  return {Kind::refused, next_header, at};
}

}  // namespace gl::wire
