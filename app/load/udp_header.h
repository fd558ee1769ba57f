// The header of the clients' datagrams for a template: every changing field is zero.
// Byte order: wire. Thread: plain value. Source: RFC 768.
#pragma once

#include <cstdint>

#include "lib/base/endian.h"

namespace gl::load {

struct UdpHeader {
  explicit UdpHeader(std::uint16_t target_port) { store_be(bytes + 2, target_port); }
  std::uint8_t bytes[8] = {};
};

}  // namespace gl::load
