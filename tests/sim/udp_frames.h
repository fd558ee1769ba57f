// Datagrams as Ethernet frames and back, for those who ask over UDP and for name servers behind a node. The frames'
// checksums are left out: whoever hands them in says that they are right.
// Byte order: wire in frames. Ownership: values. Thread: any.
#pragma once

#include <cstdint>
#include <optional>

#include "lib/wire/address.h"
#include "tests/sim/packet.h"

namespace gl::sim {

struct UdpEnds {
  wire::IpAddress source;
  wire::IpAddress destination;
  std::uint16_t source_port = 0;
  std::uint16_t destination_port = 0;
};
// To the node.
[[nodiscard]] ByteString udp_frame(Bytes payload, const UdpEnds& ends);

struct UdpReply {
  std::uint16_t port = 0;  // of whom it is for
  Bytes payload{};         // in the frame
};
// From the node: nothing if it is no UDP.
[[nodiscard]] std::optional<UdpReply> read_udp(Bytes frame);

}  // namespace gl::sim
