// Whole frames of clients and of backends, and what our own frames to them say.
// Byte order: wire. Ownership: values. Thread: plain functions.
#pragma once

#include <gtest/gtest.h>

#include "tests/unit/frame_builder.h"

namespace gl::test {

inline constexpr wire::Ipv4Address kBackend4{{198, 51, 100, 1}};
inline constexpr wire::Ipv6Address kBackend6{{0x20, 1, 0xd, 0xb8, 0, 9, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x53}};

// How the frames of one test travel.
struct Way {
  bool v6 = false;
  bool tagged = false;
  [[nodiscard]] std::size_t l2() const { return tagged ? 18 : 14; }
  [[nodiscard]] std::size_t l3() const { return v6 ? 40 : 20; }
};
inline constexpr unsigned kTag = 0xa123;

// `message` in IP and Ethernet, its checksum at `checksum_at`.
inline Buffer frame_to_us(const Way& way, unsigned protocol, const Buffer& message, std::size_t checksum_at,
                          bool from_backend = false) {
  const EthernetFrame link = way.tagged && !from_backend ? eth().vlan(kTag) : eth();
  return way.v6 ? link.ipv6({.from = from_backend ? kBackend6 : kClient6}).sealed(protocol, message, checksum_at)
                : link.ipv4({.from = from_backend ? kBackend4 : kClient4}).sealed(protocol, message, checksum_at);
}
inline Buffer udp_to_us(const Way& way, const Buffer& query, unsigned from = 40000) {
  return frame_to_us(way, 17, udp(query, from), 6);
}
inline Buffer reply_to_us(const Way& way, const Buffer& reply, unsigned our_port, unsigned from = 53) {
  return frame_to_us(way, 17, udp(reply, from, our_port), 6, true);
}
inline Buffer tcp_to_us(const Way& way, const Tcp& tcp, const Buffer& payload = {}) {
  return frame_to_us(way, 6, tcp(payload), 16);
}

// The layer 4 of a frame of ours to the client, whose every field around it is looked at.
inline Buffer layer4_of(const Way& way, unsigned protocol, const Buffer& frame) {
  const std::size_t l3_at = way.l2();
  const std::size_t l4_at = l3_at + way.l3();
  if (frame.size() <= l4_at) {
    ADD_FAILURE() << "a frame of " << frame.size() << " bytes";
    return {};
  }
  const Buffer layer4(frame.begin() + static_cast<std::ptrdiff_t>(l4_at), frame.end());
  Ipv4 v4{.from = kOurs4, .to = kClient4, .protocol = protocol};
  Ipv6 v6{.from = kOurs6, .to = kClient6, .protocol = protocol, .hop_limit = 64};
  Buffer packet = way.v6 ? v6(layer4) : v4(layer4);
  if (way.v6) {
    packet[0] = 0x60, packet[1] = packet[2] = packet[3] = 0;
  } else {
    packet[1] = packet[4] = packet[5] = packet[10] = packet[11] = 0;
    packet[6] = 0x40, packet[8] = 64;
    const unsigned sum = naive_checksum(first_of(packet, 20));
    packet[10] = static_cast<std::uint8_t>(sum >> 8), packet[11] = static_cast<std::uint8_t>(sum);
  }
  const EthernetFrame link = eth(kClientMac, kOurMac);
  EXPECT_EQ(frame, (way.tagged ? link.vlan(kTag) : link).upper(way.v6 ? 0x86dd : 0x0800, packet));
  const Buffer pseudo = way.v6 ? v6.pseudo(layer4.size()) : v4.pseudo(layer4.size());
  EXPECT_EQ(naive_checksum(pseudo + layer4), 0u) << "checksum of layer 4";
  return layer4;
}

// The payload of a datagram of ours from port 53 to `port`.
inline Buffer datagram_of(const Way& way, const Buffer& frame, unsigned port = 40000) {
  const Buffer l4 = layer4_of(way, 17, frame);
  if (l4.size() < 8) return {};
  EXPECT_EQ(get16(l4, 0), 53u);
  EXPECT_EQ(get16(l4, 2), port);
  EXPECT_EQ(get16(l4, 4), l4.size());
  return {l4.begin() + 8, l4.end()};
}

// A TCP segment of ours.
struct Heard {
  std::uint32_t seq = 0;
  std::uint32_t ack = 0;
  unsigned flags = 0;
  Buffer payload{};
  std::uint32_t stamp = 0;  // TSval
  Buffer cookie{};          // of TCP Fast Open
};
inline std::uint32_t get32(const Buffer& from, std::size_t at) {
  return static_cast<std::uint32_t>(get16(from, at)) << 16 | get16(from, at + 2);
}
inline Heard segment_of(const Way& way, const Buffer& frame) {
  const Buffer l4 = layer4_of(way, 6, frame);
  if (l4.size() < 20) return {};
  const std::size_t header = std::size_t{l4[12]} / 16 * 4;
  Heard heard{get32(l4, 4), get32(l4, 8), l4[13], {l4.begin() + static_cast<std::ptrdiff_t>(header), l4.end()}};
  for (std::size_t at = 20; at < header && l4[at] != 0;) {
    if (l4[at] == 8) heard.stamp = get32(l4, at + 2);
    if (l4[at] == 34) {
      heard.cookie.assign(l4.begin() + static_cast<std::ptrdiff_t>(at) + 2,
                          l4.begin() + static_cast<std::ptrdiff_t>(at) + l4[at + 1]);
    }
    at += l4[at] == 1 ? std::size_t{1} : std::size_t{l4[at + 1]};
  }
  return heard;
}

}  // namespace gl::test
