// The UDP header (RFC 768).
// Byte order: as on the wire. Ownership: laid over a frame, never owns. Thread: plain values.
#pragma once

#include "lib/base/endian.h"

namespace gl::wire {

struct UdpHeader {
  Be16 source_port;
  Be16 destination_port;
  Be16 length;
  Be16 checksum;
};
static_assert(sizeof(UdpHeader) == 8 && alignof(UdpHeader) == 1);

}  // namespace gl::wire
