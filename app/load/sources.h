// The client addresses: a run of consecutive ones, told apart by their last 32 bits.
// Byte order: bytes as on the wire, `low` and `count` host. Thread: plain values.
#pragma once

#include <array>
#include <cstdint>
#include <string>

#include "lib/base/result.h"

namespace gl::load {

struct Sources {
  bool v6 = false;
  std::array<std::uint8_t, 16> first{};  // IPv4: the first four bytes
  std::uint32_t low = 0;                 // last 32 bits of the first address
  std::uint32_t count = 0;
};

// "ADDR", "ADDR/LEN" (all addresses of the network but the first and the last) or "ADDR-ADDR".
[[nodiscard]] Result<Sources> parse_sources(const std::string& text);

}  // namespace gl::load
