// ARP for IPv4 over Ethernet (RFC 826); probes and announcements after RFC 5227.
// Byte order: as on the wire. Ownership: laid over a frame, never owns. Thread: plain values.
#pragma once

#include <cstdint>

#include "lib/base/endian.h"
#include "lib/wire/address.h"
#include "lib/wire/ethernet.h"

namespace gl::wire {

enum class ArpOperation : std::uint16_t { request = 1, reply = 2 };

struct ArpPacket {
  Be16 hardware_type;
  Be16 protocol_type;
  std::uint8_t hardware_length;
  std::uint8_t protocol_length;
  Be16 operation;
  MacAddress sender_mac;
  Ipv4Address sender_address;
  MacAddress target_mac;
  Ipv4Address target_address;

  // The fixed fields name Ethernet and IPv4.
  [[nodiscard]] constexpr bool is_ethernet_ipv4() const noexcept {
    return hardware_type.host() == 1 && protocol_type.host() == static_cast<std::uint16_t>(EtherType::ipv4) &&
           hardware_length == sizeof(MacAddress) && protocol_length == sizeof(Ipv4Address);
  }
};
static_assert(sizeof(ArpPacket) == 28 && alignof(ArpPacket) == 1);

}  // namespace gl::wire
