#include "tests/sim/frames.h"

#include <algorithm>
#include <span>

#include "lib/base/endian.h"

namespace gl::sim {
namespace {

constexpr std::size_t kEthernet = 14;
constexpr std::size_t kTcpHeader = 20;
constexpr std::size_t kIpv6LengthAt = kEthernet + 4;

void put16(ByteString& to, std::uint32_t value) {
  to.push_back(static_cast<std::uint8_t>(value >> 8));
  to.push_back(static_cast<std::uint8_t>(value));
}
void put32(ByteString& to, std::uint32_t value) {
  put16(to, value >> 16);
  put16(to, value & 0xffff);
}
template <class Range>
void put(ByteString& to, const Range& bytes) {
  to.insert(to.end(), bytes.begin(), bytes.end());
}

// RFC 1071, one word after the other; nothing shared with what is tested.
std::uint32_t sum(Bytes bytes, std::uint32_t start = 0) {
  std::uint32_t total = start;
  for (std::size_t i = 0; i < bytes.size(); i += 2) {
    total += static_cast<std::uint32_t>(bytes[i] << 8 | (i + 1 < bytes.size() ? bytes[i + 1] : 0));
  }
  while (total > 0xffff) total = (total & 0xffff) + (total >> 16);
  return total;
}
std::uint32_t pseudo(Bytes ip, bool v6, std::size_t length) {
  return sum(v6 ? ip.subspan(8, 32) : ip.subspan(12, 8), static_cast<std::uint32_t>(6 + length));
}
void set16(ByteString& bytes, std::size_t at, std::uint32_t value) {
  store_be(bytes.data() + at, static_cast<std::uint16_t>(value));
}

void put_options(ByteString& to, const Packet& packet) {
  if (packet.mss != 0) {
    put16(to, 0x0204);
    put16(to, packet.mss);
  }
  if (packet.sack_permitted) put32(to, 0x01010402);
  if (packet.timestamps) {
    put32(to, 0x0101080a);
    put32(to, packet.timestamps->value);
    put32(to, packet.timestamps->echo);
  }
  // Window scaling, as everyone offers it.
  const std::uint8_t scale = packet.window_scale == wire::kNoWindowScale ? 7 : packet.window_scale;
  if (packet.has(tcp::kSyn)) put32(to, 0x01030300u | scale);
  if (packet.sack.count != 0) {
    put32(to, 0x01010502u + 8u * packet.sack.count);
    for (const auto& block : packet.sack.view()) {
      put32(to, block.begin);
      put32(to, block.end);
    }
  }
}

std::size_t options_length(const Packet& packet) {
  return (packet.mss != 0 ? 4u : 0u) + (packet.sack_permitted ? 4u : 0u) + (packet.timestamps ? 12u : 0u) +
         (packet.has(tcp::kSyn) ? 4u : 0u) + (packet.sack.count != 0 ? 4u + 8u * packet.sack.count : 0u);
}

void put_ip(ByteString& frame, const Ends& ends, std::size_t length) {
  if (ends.v6) {
    put32(frame, 0x60000000);
    put32(frame, static_cast<std::uint32_t>(length << 16 | 6 << 8 | 61));
    put(frame, ends.client6.bytes);
    put(frame, ends.server6.bytes);
    return;
  }
  put16(frame, 0x4500);
  put16(frame, static_cast<std::uint32_t>(20 + length));
  put32(frame, 0x12344000);
  put32(frame, 61u << 24 | 6u << 16);
  put(frame, ends.client4.bytes);
  put(frame, ends.server4.bytes);
  set16(frame, kEthernet + 10, ~sum(Bytes(frame).subspan(kEthernet)));
}

bool read_options(Bytes options, Packet& packet) {
  for (std::size_t at = 0; at < options.size();) {
    const std::uint8_t kind = options[at];
    if (kind == 0) return true;
    if (kind == 1) {
      ++at;
      continue;
    }
    if (at + 2 > options.size() || options[at + 1] < 2 || at + options[at + 1] > options.size()) return false;
    if (kind == 4) packet.sack_permitted = true;
    if (kind == 3) packet.window_scale = options[at + 2];
    if (kind == 2) packet.mss = load_be<std::uint16_t>(options.data() + at + 2);
    if (kind == 8) {
      packet.timestamps = tcp::Timestamps{load_be<std::uint32_t>(options.data() + at + 2),
                                          load_be<std::uint32_t>(options.data() + at + 6)};
    }
    at += options[at + 1];
  }
  return true;
}

bool ip_is_sound(Bytes ip, const Ends& ends) {
  if (ends.v6) {
    return ip[0] >> 4 == 6 && ip[6] == 6 && load_be<std::uint16_t>(ip.data() + 4) + 40u == ip.size() &&
           std::ranges::equal(ip.subspan(8, 16), ends.server6.bytes) &&
           std::ranges::equal(ip.subspan(24, 16), ends.client6.bytes);
  }
  return ip[0] == 0x45 && ip[9] == 6 && load_be<std::uint16_t>(ip.data() + 2) == ip.size() &&
         sum(ip.first(20)) == 0xffff && std::ranges::equal(ip.subspan(12, 4), ends.server4.bytes) &&
         std::ranges::equal(ip.subspan(16, 4), ends.client4.bytes);
}

}  // namespace

ByteString to_frame(const Packet& packet, const Ends& ends) {
  ByteString frame;
  const std::size_t header = kTcpHeader + options_length(packet);
  const std::size_t length = header + packet.payload.size();
  frame.reserve(kEthernet + 40 + length);
  put(frame, ends.server_mac.bytes);
  put(frame, ends.client_mac.bytes);
  put16(frame, ends.v6 ? 0x86dd : 0x0800);
  put_ip(frame, ends, length);
  const std::size_t tcp_at = frame.size();
  put16(frame, ends.client_port);
  put16(frame, ends.server_port);
  put32(frame, packet.seq.value());
  put32(frame, packet.ack.value());
  put16(frame, static_cast<std::uint32_t>(header / 4 << 12 | packet.flags));
  put16(frame, packet.window);
  put32(frame, 0);
  put_options(frame, packet);
  put(frame, packet.payload);
  const Bytes bytes(frame);
  set16(frame, tcp_at + 16, ~sum(bytes.subspan(tcp_at), pseudo(bytes.subspan(kEthernet), ends.v6, length)));
  return frame;
}

std::optional<Packet> from_frame(Bytes frame, const Ends& ends) {
  const std::size_t ip_length = ends.v6 ? 40 : 20;
  if (frame.size() < kEthernet + ip_length + kTcpHeader) return std::nullopt;
  if (!std::ranges::equal(frame.first(6), ends.client_mac.bytes)) return std::nullopt;
  if (load_be<std::uint16_t>(frame.data() + 12) != (ends.v6 ? 0x86dd : 0x0800)) return std::nullopt;
  const Bytes ip = frame.subspan(kEthernet);
  if (!ip_is_sound(ip, ends)) return std::nullopt;
  const Bytes tcp = ip.subspan(ip_length);
  if (sum(tcp, pseudo(ip, ends.v6, tcp.size())) != 0xffff) return std::nullopt;
  const std::size_t header = (tcp[12] >> 4) * std::size_t{4};
  if (header < kTcpHeader || header > tcp.size()) return std::nullopt;
  if (load_be<std::uint16_t>(tcp.data()) != ends.server_port) return std::nullopt;
  if (load_be<std::uint16_t>(tcp.data() + 2) != ends.client_port) return std::nullopt;
  Packet packet;
  packet.seq = tcp::SeqNum(load_be<std::uint32_t>(tcp.data() + 4));
  packet.ack = tcp::SeqNum(load_be<std::uint32_t>(tcp.data() + 8));
  packet.flags = tcp[13];
  packet.window = load_be<std::uint16_t>(tcp.data() + 14);
  if (!read_options(tcp.subspan(kTcpHeader, header - kTcpHeader), packet)) return std::nullopt;
  packet.payload.assign(tcp.begin() + static_cast<std::ptrdiff_t>(header), tcp.end());
  return packet;
}

void flip_bit(ByteString& frame, std::uint64_t which, bool v6) {
  const std::uint64_t bit = which % (frame.size() * 8);
  const std::size_t at = bit / 8;
  if (v6 && (at == kIpv6LengthAt || at == kIpv6LengthAt + 1)) return;
  frame[at] = static_cast<std::uint8_t>(frame[at] ^ 1u << bit % 8);
}

}  // namespace gl::sim
