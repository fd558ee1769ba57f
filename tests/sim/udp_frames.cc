#include "tests/sim/udp_frames.h"

#include <variant>

#include "lib/base/endian.h"
#include "tests/sim/frames.h"

namespace gl::sim {
namespace {

constexpr std::size_t kEthernet = 14;
constexpr std::size_t kUdp = 8;
constexpr std::uint8_t kProtocol = 17;

void set16(ByteString& bytes, std::size_t at, std::size_t value) {
  store_be(bytes.data() + at, static_cast<std::uint16_t>(value));
}
template <class Range>
void put(ByteString& to, const Range& bytes) {
  for (const std::uint8_t byte : bytes) to.push_back(byte);
}

}  // namespace

ByteString udp_frame(Bytes payload, const UdpEnds& ends) {
  const bool v6 = std::holds_alternative<wire::Ipv6Address>(ends.destination);
  const Ends macs;
  ByteString frame;
  put(frame, macs.server_mac.bytes);
  put(frame, macs.client_mac.bytes);
  frame.resize(kEthernet + (v6 ? 8 : 12));
  set16(frame, 12, v6 ? 0x86dd : 0x0800);
  const std::size_t length = kUdp + payload.size();
  if (v6) {
    frame[kEthernet] = 0x60;
    set16(frame, kEthernet + 4, length);
    frame[kEthernet + 6] = kProtocol;
    frame[kEthernet + 7] = 64;
  } else {
    frame[kEthernet] = 0x45;
    set16(frame, kEthernet + 2, 20 + length);
    frame[kEthernet + 8] = 64;
    frame[kEthernet + 9] = kProtocol;
  }
  std::visit([&](const auto& address) { put(frame, address.bytes); }, ends.source);
  std::visit([&](const auto& address) { put(frame, address.bytes); }, ends.destination);
  const std::size_t udp = frame.size();
  frame.resize(udp + kUdp);
  set16(frame, udp, ends.source_port);
  set16(frame, udp + 2, ends.destination_port);
  set16(frame, udp + 4, length);
  set16(frame, udp + 6, 0xffff);
  put(frame, payload);
  return frame;
}

std::optional<UdpReply> read_udp(Bytes frame) {
  const bool v6 = load_be<std::uint16_t>(frame.data() + 12) == 0x86dd;
  if (frame[kEthernet + (v6 ? 6 : 9)] != kProtocol) return std::nullopt;
  const Bytes udp = frame.subspan(kEthernet + (v6 ? 40U : 20U));
  return UdpReply{load_be<std::uint16_t>(udp.data() + 2), udp.subspan(kUdp)};
}

}  // namespace gl::sim
