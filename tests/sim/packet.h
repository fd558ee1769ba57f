// A TCP segment on its way, in either direction; it owns its bytes.
// Byte order: host. Ownership: a value. Thread: any.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "lib/tcp/responder.h"

namespace gl::sim {

using ByteString = std::vector<std::uint8_t>;

struct Packet {
  tcp::SeqNum seq;
  tcp::SeqNum ack;
  std::uint8_t flags = 0;
  std::uint16_t window = 0;
  std::uint16_t mss = 0;  // option of a SYN; 0: none
  bool sack_permitted = false;
  std::optional<tcp::Timestamps> timestamps;
  wire::SackBlocks sack{};
  ByteString payload;
  std::uint8_t window_scale = wire::kNoWindowScale;  // option of a SYN

  [[nodiscard]] bool has(std::uint8_t flag) const { return (flags & flag) != 0; }
};

}  // namespace gl::sim
