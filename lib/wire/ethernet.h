// The Ethernet header and the 802.1Q tag (IEEE 802.3, 802.1Q).
// Byte order: as on the wire, values through Be16. Ownership: laid over a frame, never owns. Thread: plain values.
#pragma once

#include <cstddef>
#include <cstdint>

#include "lib/base/endian.h"
#include "lib/wire/address.h"

namespace gl::wire {

enum class EtherType : std::uint16_t {
  ipv4 = 0x0800,
  arp = 0x0806,
  vlan = 0x8100,
  ipv6 = 0x86dd,
  stacked_vlan = 0x88a8,
};

struct EthernetHeader {
  MacAddress destination;
  MacAddress source;
  Be16 type;
};
static_assert(sizeof(EthernetHeader) == 14 && alignof(EthernetHeader) == 1);

// Follows a header of type 0x8100.
struct VlanTag {
  Be16 control;  // priority 3, drop eligible 1, VLAN identifier 12
  Be16 type;
};
static_assert(sizeof(VlanTag) == 4 && alignof(VlanTag) == 1);

}  // namespace gl::wire
