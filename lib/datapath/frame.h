// A frame as the stages see it: bytes, their room, and what the port knows or shall do about checksums.
// Byte order: wire. Ownership: borrows the buffer for one call. Thread: that core only. No DPDK: tests and fuzzers
// lay it over any memory.
#pragma once

#include <cstddef>
#include <cstdint>

#include "lib/base/bytes.h"

namespace gl::datapath {

// What the port is asked to fill in on the way out.
struct TxOffload {
  enum class Layer4 : std::uint8_t { none, udp, tcp };
  Layer4 layer4 = Layer4::none;  // its checksum field holds the sum of the pseudo header
  bool ipv4_checksum = false;
  bool v6 = false;
  std::uint8_t l2_length = 0;  // bytes
  std::uint8_t l3_length = 0;  // bytes
};

struct Frame {
  std::uint8_t* data = nullptr;
  std::size_t length = 0;           // bytes; of the reply once a stage has written one
  std::size_t capacity = 0;         // bytes that may be written from `data` on
  bool ipv4_checksum_good = false;  // the port has checked it on the way in
  bool l4_checksum_good = false;
  bool resumed = false;  // it came before, and has waited for an answer since
  bool timer = false;    // none came: see timed_flows.h
  TxOffload tx{};
};

// A packet while it travels up: what the stages so far have found.
struct Packet {
  std::uint16_t ether_type = 0;
  std::size_t l2_length = 0;  // Ethernet header and VLAN tag
  bool link_group = false;    // came in a broadcast or multicast frame
  bool ip_group = false;      // for an IPv6 multicast group of ours
  bool v6 = false;
  bool cut_short = false;  // a backend's datagram of which the frame holds only the beginning
  std::uint8_t hop_limit = 0;
  std::uint8_t protocol = 0;                  // of the upper layer
  const std::uint8_t* source = nullptr;       // IP address in the frame
  const std::uint8_t* destination = nullptr;  // IP address in the frame
  MutableBytes payload{};                     // of IP, exactly: padding and extension headers cut off

  [[nodiscard]] Bytes source_address() const noexcept { return {source, v6 ? 16u : 4u}; }
  [[nodiscard]] std::size_t reply_l3_length() const noexcept { return v6 ? 40 : 20; }
  [[nodiscard]] std::size_t reply_l4_offset() const noexcept { return l2_length + reply_l3_length(); }
};

}  // namespace gl::datapath
