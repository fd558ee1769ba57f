// The way back to clients that are sent something by the clock, without a segment of theirs (tcp/bulk). Such a turn
// goes through the stages as a frame that the client might have sent, so that what is sent finds its headers as ever.
// Byte order: wire. Ownership: its own copies. Thread: that core only.
#pragma once

#include <array>
#include <cstdint>
#include <cstring>
#include <vector>

#include "lib/datapath/frame.h"
#include "lib/datapath/interface.h"
#include "lib/tcp/segment.h"
#include "lib/wire/ethernet.h"
#include "lib/wire/ipv4.h"
#include "lib/wire/ipv6.h"
#include "lib/wire/tcp.h"

namespace gl::datapath {

class TimedFlows {
 public:
  // Bytes of the longest frame that write() makes.
  static constexpr std::size_t kFrame = 18 + sizeof(wire::Ipv6Header) + sizeof(wire::TcpHeader);

  explicit TimedFlows(std::size_t flows) : links_(flows) {}

  // The frame is one of the flow's client, as it came.
  void keep(std::uint32_t flow, const Frame& frame, const Packet& packet, const Interface& interface) noexcept {
    if (frame.timer) return;
    Link& link = links_[flow];
    link.length = static_cast<std::uint8_t>(packet.l2_length);
    link.interface = interface.index;
    std::memcpy(link.header.data(), frame.data, packet.l2_length);
  }
  [[nodiscard]] std::uint16_t interface_of(std::uint32_t flow) const noexcept { return links_[flow].interface; }

  // An ACK of the client, of which only the addresses and ports count.
  void write(std::uint32_t flow, const tcp::FlowKey& key, Frame& frame) const noexcept {
    const Link& link = links_[flow];
    std::memcpy(frame.data, link.header.data(), link.length);
    std::uint8_t* const l3 = frame.data + link.length;
    const std::uint8_t* const ends = key.view().data();
    const std::size_t address = key.is_v6() ? 16 : 4;
    const std::size_t l3_length = key.is_v6() ? sizeof(wire::Ipv6Header) : sizeof(wire::Ipv4Header);
    std::memset(l3, 0, l3_length + sizeof(wire::TcpHeader));
    if (key.is_v6()) {
      l3[0] = 0x60;
      l3[5] = sizeof(wire::TcpHeader);
      l3[6] = static_cast<std::uint8_t>(wire::IpProtocol::tcp);
      l3[7] = kHopLimit;
      std::memcpy(l3 + 8, ends, 2 * address);
    } else {
      l3[0] = 0x45;
      l3[3] = sizeof(wire::Ipv4Header) + sizeof(wire::TcpHeader);
      l3[8] = kHopLimit;
      l3[9] = static_cast<std::uint8_t>(wire::IpProtocol::tcp);
      std::memcpy(l3 + 12, ends, 2 * address);
    }
    std::uint8_t* const l4 = l3 + l3_length;
    std::memcpy(l4, ends + 2 * address, 4);
    l4[12] = sizeof(wire::TcpHeader) / 4 << 4;
    l4[13] = tcp::kAck;
    frame.length = link.length + l3_length + sizeof(wire::TcpHeader);
    frame.ipv4_checksum_good = frame.l4_checksum_good = true;
    frame.resumed = frame.timer = true;
  }

 private:
  static constexpr std::uint8_t kHopLimit = 64;
  struct Link {
    std::array<std::uint8_t, 18> header{};
    std::uint8_t length = 0;
    std::uint16_t interface = 0;
  };
  std::vector<Link> links_;
};

}  // namespace gl::datapath
