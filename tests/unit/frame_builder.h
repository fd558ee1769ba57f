// Frames for tests, byte by byte and with a naive checksum: nothing here is shared with the code under test but the
// addresses. A frame is written from the outside in:
//   eth().ipv4().udp(payload)      eth(to).vlan(7).ipv6({.hop_limit = 255}).icmp(neighbor(...))
// Types, protocols, lengths and checksums follow from what is inside. To get one wrong: `extra_length`, or upper(),
// which takes the bytes as they are. Byte order: wire. Ownership: values. Thread: plain functions.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "lib/wire/address.h"

namespace gl::test {

using Buffer = std::vector<std::uint8_t>;

inline constexpr wire::MacAddress kOurMac{{2, 0, 0, 0, 0, 1}};
inline constexpr wire::MacAddress kClientMac{{2, 0, 0, 0, 0, 2}};
inline constexpr wire::Ipv4Address kOurs4{{192, 0, 2, 1}};
inline constexpr wire::Ipv4Address kClient4{{192, 0, 2, 2}};
inline constexpr wire::Ipv6Address kOurs6{{0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xaa, 0xbb, 0xcc}};
inline constexpr wire::Ipv6Address kClient6{{0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2}};

inline void put16(Buffer& to, unsigned value) {
  to.push_back(static_cast<std::uint8_t>(value >> 8));
  to.push_back(static_cast<std::uint8_t>(value));
}
inline void put32(Buffer& to, std::uint32_t value) {
  put16(to, value >> 16);
  put16(to, value & 0xffff);
}
template <class Bytes>
void put(Buffer& to, const Bytes& bytes) {
  for (const auto byte : bytes) to.push_back(static_cast<std::uint8_t>(byte));
}
inline Buffer operator+(Buffer a, const Buffer& b) {
  put(a, b);
  return a;
}
inline Buffer first_of(Buffer bytes, std::size_t count) {
  bytes.resize(count);
  return bytes;
}
inline unsigned get16(const Buffer& from, std::size_t at) {
  return static_cast<unsigned>(from.at(at) << 8 | from.at(at + 1));
}

// RFC 1071, one word after the other.
inline unsigned naive_checksum(const Buffer& bytes) {
  unsigned sum = 0;
  for (std::size_t i = 0; i < bytes.size(); i += 2) {
    sum += static_cast<unsigned>(bytes[i] << 8 | (i + 1 < bytes.size() ? bytes[i + 1] : 0));
    sum = (sum & 0xffff) + (sum >> 16);
  }
  return ~sum & 0xffff;
}

struct Ipv4 {
  wire::Ipv4Address from = kClient4;
  wire::Ipv4Address to = kOurs4;
  unsigned protocol = 17;
  unsigned fragment = 0;
  Buffer options{};
  int extra_length = 0;  // added to the total length field

  [[nodiscard]] Buffer operator()(const Buffer& payload) const {
    Buffer header = {static_cast<std::uint8_t>(0x45 + options.size() / 4), 0x03};
    put16(header, static_cast<unsigned>(static_cast<int>(20 + options.size() + payload.size()) + extra_length));
    put16(header, 0x1234);
    put16(header, fragment);
    put(header, Buffer{37, static_cast<std::uint8_t>(protocol), 0, 0});
    put(header, from.bytes);
    put(header, to.bytes);
    put(header, options);
    const unsigned sum = naive_checksum(header);
    header[10] = static_cast<std::uint8_t>(sum >> 8);
    header[11] = static_cast<std::uint8_t>(sum);
    return header + payload;
  }
  [[nodiscard]] Buffer pseudo(std::size_t length) const {
    Buffer bytes;
    put(bytes, from.bytes);
    put(bytes, to.bytes);
    put16(bytes, protocol);
    put16(bytes, static_cast<unsigned>(length));
    return bytes;
  }
};

struct Ipv6 {
  wire::Ipv6Address from = kClient6;
  wire::Ipv6Address to = kOurs6;
  unsigned protocol = 17;  // of the upper layer
  unsigned hop_limit = 37;
  Buffer extensions{};  // complete, the last one naming the upper layer
  unsigned first_extension = 0;
  int extra_length = 0;

  [[nodiscard]] Buffer operator()(const Buffer& payload) const {
    Buffer header = {0x6b, 0xb1, 0x23, 0x45};
    put16(header, static_cast<unsigned>(static_cast<int>(extensions.size() + payload.size()) + extra_length));
    header.push_back(static_cast<std::uint8_t>(extensions.empty() ? protocol : first_extension));
    header.push_back(static_cast<std::uint8_t>(hop_limit));
    put(header, from.bytes);
    put(header, to.bytes);
    return header + extensions + payload;
  }
  [[nodiscard]] Buffer pseudo(std::size_t length) const {
    Buffer bytes;
    put(bytes, from.bytes);
    put(bytes, to.bytes);
    put32(bytes, static_cast<std::uint32_t>(length));
    put32(bytes, protocol);
    return bytes;
  }
};

// `message` with its checksum at `at`, over the pseudo header that `ip` gives.
template <class Ip>
Buffer summed(const Ip& ip, Buffer message, std::size_t at) {
  const unsigned sum = naive_checksum(ip.pseudo(message.size()) + message);
  message[at] = static_cast<std::uint8_t>(sum >> 8);
  message[at + 1] = static_cast<std::uint8_t>(sum);
  return message;
}
inline Buffer summed(Buffer message, std::size_t at) {
  const unsigned sum = naive_checksum(message);
  message[at] = static_cast<std::uint8_t>(sum >> 8);
  message[at + 1] = static_cast<std::uint8_t>(sum);
  return message;
}

inline Buffer udp(const Buffer& payload, unsigned from = 40000, unsigned to = 53, int extra_length = 0) {
  Buffer header;
  put16(header, from);
  put16(header, to);
  put16(header, static_cast<unsigned>(static_cast<int>(8 + payload.size()) + extra_length));
  put16(header, 0);
  return header + payload;
}

struct Tcp {
  unsigned from = 40000;
  unsigned to = 53;
  std::uint32_t seq = 1000;
  std::uint32_t ack = 0;
  unsigned flags = 2;  // SYN
  Buffer options{};

  [[nodiscard]] Buffer operator()(const Buffer& payload = {}) const {
    Buffer header;
    put16(header, from);
    put16(header, to);
    put32(header, seq);
    put32(header, ack);
    header.push_back(static_cast<std::uint8_t>((5 + options.size() / 4) << 4));
    header.push_back(static_cast<std::uint8_t>(flags));
    put16(header, 64240);
    put32(header, 0);
    return header + options + payload;
  }
};

inline Buffer arp(unsigned operation, const wire::MacAddress& sender, const wire::Ipv4Address& sender_address,
                  const wire::Ipv4Address& target) {
  Buffer packet = {0, 1, 8, 0, 6, 4};
  put16(packet, operation);
  put(packet, sender.bytes);
  put(packet, sender_address.bytes);
  put(packet, Buffer(6));
  put(packet, target.bytes);
  return packet;
}

inline Buffer echo(unsigned type, const std::string& data, unsigned code = 0) {
  Buffer message = {static_cast<std::uint8_t>(type), static_cast<std::uint8_t>(code), 0, 0, 0x12, 0x34, 0, 7};
  put(message, data);
  return message;
}

inline Buffer neighbor(unsigned type, const wire::Ipv6Address& target, const Buffer& options, std::uint32_t flags = 0) {
  Buffer message = {static_cast<std::uint8_t>(type), 0, 0, 0};
  put32(message, flags);
  put(message, target.bytes);
  return message + options;
}
inline Buffer link_option(unsigned type, const wire::MacAddress& mac) {
  Buffer option = {static_cast<std::uint8_t>(type), 1};
  put(option, mac.bytes);
  return option;
}

// What is in front of an IP packet, and its header.
template <class Ip>
class IpFrame {
 public:
  IpFrame(Buffer link, Ip ip) : link_(std::move(link)), ip_(std::move(ip)) {}

  [[nodiscard]] Buffer udp(const Buffer& payload, unsigned from = 40000, unsigned to = 53, int extra_length = 0) const {
    return sealed(17, test::udp(payload, from, to, extra_length), 6);
  }
  [[nodiscard]] Buffer tcp(const Tcp& header = {}, const Buffer& payload = {}) const {
    return sealed(6, header(payload), 16);
  }
  // ICMP or ICMPv6, as the header has it: only the second one's checksum covers a pseudo header.
  [[nodiscard]] Buffer icmp(const Buffer& message) const {
    if constexpr (std::is_same_v<Ip, Ipv6>) return sealed(58, message, 2);
    return with_protocol(1).upper(summed(message, 2));
  }
  // A message of that protocol whose checksum, at `checksum_at`, is filled in.
  [[nodiscard]] Buffer sealed(unsigned protocol, const Buffer& message, std::size_t checksum_at) const {
    const IpFrame frame = with_protocol(protocol);
    return frame.upper(summed(frame.ip_, message, checksum_at));
  }
  // These bytes, of the protocol that the header says.
  [[nodiscard]] Buffer upper(const Buffer& bytes) const { return link_ + ip_(bytes); }

 private:
  [[nodiscard]] IpFrame with_protocol(unsigned protocol) const {
    IpFrame frame = *this;
    frame.ip_.protocol = protocol;
    return frame;
  }

  Buffer link_;
  Ip ip_;
};

// Ethernet and its tags, so far without the type of what follows.
class EthernetFrame {
 public:
  EthernetFrame(const wire::MacAddress& to, const wire::MacAddress& from) {
    put(link_, to.bytes);
    put(link_, from.bytes);
  }
  [[nodiscard]] EthernetFrame vlan(unsigned control, unsigned type = 0x8100) const {
    EthernetFrame frame = *this;
    put16(frame.link_, type);
    put16(frame.link_, control);
    return frame;
  }
  [[nodiscard]] IpFrame<Ipv4> ipv4(const Ipv4& ip = {}) const { return {typed(0x0800), ip}; }
  [[nodiscard]] IpFrame<Ipv6> ipv6(const Ipv6& ip = {}) const { return {typed(0x86dd), ip}; }
  [[nodiscard]] Buffer arp(const Buffer& packet) const { return typed(0x0806) + packet; }
  [[nodiscard]] Buffer upper(unsigned type, const Buffer& bytes = {}) const { return typed(type) + bytes; }

 private:
  [[nodiscard]] Buffer typed(unsigned type) const {
    Buffer bytes = link_;
    put16(bytes, type);
    return bytes;
  }

  Buffer link_;
};
[[nodiscard]] inline EthernetFrame eth(const wire::MacAddress& to = kOurMac,
                                       const wire::MacAddress& from = kClientMac) {
  return {to, from};
}

}  // namespace gl::test
