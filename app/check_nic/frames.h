// Frames of the test: written with every checksum right, one of them wrong, or left to the port; and taken apart again,
// where every sum is done here, whatever the port says.
// Byte order: numbers host. Ownership: borrows mbufs. Thread: main core. Errors: a frame that is not ours is nothing.
#pragma once

#include <rte_mbuf.h>

#include <cstdint>
#include <optional>

#include "lib/dpdk/port.h"
#include "lib/dpdk/rss.h"
#include "lib/wire/address.h"

namespace gl::check_nic {

enum class Sums : std::uint8_t { right, wrong_ipv4, wrong_layer4, left_to_port };

struct Shape {
  bool v6 = false;
  bool tcp = false;
  bool vlan = false;
  std::uint16_t length = 64;  // of the frame without its FCS, VLAN tag apart
  Sums sums = Sums::right;
};

struct Ends {
  wire::MacAddress source;
  wire::MacAddress destination;
};

inline constexpr std::uint16_t kLeastLength = 14 + 40 + 20 + 12;  // IPv6, TCP, and what tells our frames

// The flow of that number: addresses of documentation (RFC 5737, RFC 3849), ports of its own.
[[nodiscard]] dpdk::UdpFlow flow_of(bool v6, std::uint32_t number);

// `number` names the frame, and its flow. The mbuf's room is at least `shape.length` + 4.
void write_frame(rte_mbuf* mbuf, const Ends& ends, const Shape& shape, std::uint32_t number,
                 const dpdk::PortOffloads& offloads);

struct Seen {
  std::uint32_t number = 0;
  std::uint16_t length = 0;  // as Shape's
  bool v6 = false;
  bool tcp = false;
  bool vlan = false;
  bool whole = false;  // each byte of its payload is as it was sent
  bool ipv4_sum = false;
  bool layer4_sum = false;
};
[[nodiscard]] std::optional<Seen> read_frame(const rte_mbuf* mbuf);

}  // namespace gl::check_nic
