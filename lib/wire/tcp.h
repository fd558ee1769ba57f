// The TCP header without its options (RFC 9293 section 3.1).
// Byte order: as on the wire. Ownership: laid over a frame, never owns. Thread: plain values.
#pragma once

#include <cstddef>
#include <cstdint>

#include "lib/base/endian.h"

namespace gl::wire {

struct TcpHeader {
  Be16 source_port;
  Be16 destination_port;
  Be32 sequence;
  Be32 acknowledgment;
  std::uint8_t data_offset;  // high 4 bits: header length in units of 4 bytes
  std::uint8_t flags;
  Be16 window;
  Be16 checksum;
  Be16 urgent;

  [[nodiscard]] constexpr std::size_t header_length() const noexcept { return (data_offset >> 4u) * std::size_t{4}; }
};
static_assert(sizeof(TcpHeader) == 20 && alignof(TcpHeader) == 1);

}  // namespace gl::wire
