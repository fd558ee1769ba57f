// The datagram that a service sends first in answer to one, within what its sender may draw.
// Ownership: its own room. Thread: the test's.
#pragma once

#include <array>

#include "lib/service/datagram_service.h"

namespace gl::test {

class FirstDatagram final : public DatagramSink {
 public:
  explicit FirstDatagram(std::size_t allowance) : DatagramSink(room_, allowance) {}
  // Empty where none was sent.
  [[nodiscard]] Bytes sent() const { return Bytes(room_).first(sent_one() ? first_length() : 0); }

 private:
  MutableBytes further_room() noexcept override { return {}; }
  bool send_further(std::uint16_t, std::size_t) noexcept override { return false; }
  bool refuse() noexcept override { return false; }
  std::array<std::uint8_t, 1472> room_{};
};

}  // namespace gl::test
