// Takes a node's frames without asking for memory.
// Ownership: the received frame's buffer is the caller's. Thread: one.
#pragma once

#include <array>
#include <cstdint>

#include "lib/datapath/frame.h"
#include "lib/tcp/responder.h"

namespace gl::sim {

struct FrameSink {
  static constexpr std::size_t kRoom = 14 + 1500;
  std::array<std::array<std::uint8_t, kRoom>, tcp::kMaxBurstSegments + 3> extras;
  std::array<Bytes, tcp::kMaxBurstSegments + 4> sent;
  std::size_t count = 0;
  std::size_t used = 0;

  void clear() noexcept { count = used = 0; }
  void reply(datapath::Frame& frame) noexcept { sent[count++] = Bytes(frame.data, frame.length); }
  bool hand_off(unsigned) noexcept { return false; }
  bool extra(datapath::Frame& frame) noexcept {
    if (used == extras.size()) return false;
    frame.data = extras[used++].data();
    frame.capacity = kRoom;
    return true;
  }
  void send_extra(datapath::Frame& frame) noexcept { reply(frame); }
};

}  // namespace gl::sim
