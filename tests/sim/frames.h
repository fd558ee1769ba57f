// Packets as Ethernet frames and back, with checksums of its own: for nodes that are a whole datapath.
// Byte order: wire in frames. Ownership: values. Thread: any. Errors: nothing where a frame is not a sound one.
#pragma once

#include <cstdint>
#include <optional>

#include "lib/wire/address.h"
#include "tests/sim/packet.h"

namespace gl::sim {

struct Ends {
  bool v6 = false;
  wire::MacAddress client_mac{{2, 0, 0, 0, 0, 2}};
  wire::MacAddress server_mac{{2, 0, 0, 0, 0, 1}};
  wire::Ipv4Address client4{{192, 0, 2, 2}};
  wire::Ipv4Address server4{{192, 0, 2, 1}};
  wire::Ipv6Address client6{{0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2}};
  wire::Ipv6Address server6{{0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}};
  std::uint16_t client_port = 40000;
  std::uint16_t server_port = 53;
};

[[nodiscard]] ByteString to_frame(const Packet& packet, const Ends& ends);
// What the client's stack takes of a frame from the server: nothing where a checksum or a length is wrong.
[[nodiscard]] std::optional<Packet> from_frame(Bytes frame, const Ends& ends);
// Turns one bit over. Not in the length of IPv6: there the 16 bits of the checksum are all there is, and will fail in
// millions of exchanges.
void flip_bit(ByteString& frame, std::uint64_t which, bool v6);

}  // namespace gl::sim
