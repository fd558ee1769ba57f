// Whether a frame that we send is one: lengths that agree from Ethernet down, and checksums summed the slow way.
// Own code on purpose: it shares nothing with what it checks. Sources: RFC 791, RFC 8200, RFC 1071.
// Byte order: wire. Thread: any. Errors: check() aborts.
#pragma once

#include <cstddef>
#include <cstdint>

#include "lib/base/bytes.h"
#include "lib/base/endian.h"
#include "tests/fuzz/check.h"

namespace gl::fuzz {

inline std::uint32_t add_words(Bytes bytes, std::uint32_t sum) {
  for (std::size_t i = 0; i < bytes.size(); ++i) sum += i % 2 == 0 ? bytes[i] * 256u : bytes[i];
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >> 16);
  return sum;
}

inline void check_layer4(Bytes addresses, std::uint8_t protocol, Bytes payload) {
  const std::uint32_t pseudo = add_words(addresses, protocol + static_cast<std::uint32_t>(payload.size()));
  check(add_words(payload, protocol == 1 ? 0 : pseudo) == 0xffff, "a layer 4 checksum is right");
  if (protocol == 6) {
    check(payload.size() >= 20 && (payload[12] >> 4) * 4u >= 20 && (payload[12] >> 4) * 4u <= payload.size(),
          "a TCP header fits its packet");
  } else if (protocol == 17) {
    check(load_be<std::uint16_t>(payload.data() + 4) == payload.size(), "a UDP length is right");
    check(load_be<std::uint16_t>(payload.data() + 6) != 0, "a UDP checksum is there");
  } else {
    check(protocol == 1 || protocol == 58, "a reply is TCP, UDP or ICMP");
  }
}

// Checksums are complete: the port fills in none.
inline void check_reply_frame(Bytes frame, std::size_t mtu) {
  check(frame.size() >= 14, "a frame has an Ethernet header");
  std::size_t l2 = 14;
  unsigned type = load_be<std::uint16_t>(frame.data() + 12);
  if (type == 0x8100) {
    l2 = 18;
    type = load_be<std::uint16_t>(frame.data() + 16);
  }
  const Bytes packet = frame.subspan(l2);
  check(packet.size() <= mtu, "a packet fits the MTU");
  if (type == 0x0806) {
    check(packet.size() == 28, "an ARP packet has its length");
  } else if (type == 0x0800) {
    check(packet.size() >= 20 && packet[0] == 0x45, "an IPv4 header without options");
    check(load_be<std::uint16_t>(packet.data() + 2) == packet.size(), "an IPv4 total length is right");
    check(add_words(packet.first(20), 0) == 0xffff, "an IPv4 checksum is right");
    check_layer4(packet.subspan(12, 8), packet[9], packet.subspan(20));
  } else {
    check(type == 0x86dd && packet.size() >= 40 && packet[0] >> 4 == 6, "an IPv6 header");
    check(load_be<std::uint16_t>(packet.data() + 4) + 40u == packet.size(), "an IPv6 payload length is right");
    check_layer4(packet.subspan(8, 32), packet[6], packet.subspan(40));
  }
}

}  // namespace gl::fuzz
