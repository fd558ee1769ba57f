// Between a responder and the simulated packets.
// Byte order: host. Ownership: a segment borrows the packet's payload. Thread: any.
#pragma once

#include <cstdint>
#include <vector>

#include "tests/sim/packet.h"

namespace gl::sim {

[[nodiscard]] tcp::Segment to_segment(const Packet& packet, const tcp::FlowKey& flow);
// What the plan sends is put behind `out`. `room`: for a payload. Returns how often the plan asked for memory.
std::uint64_t append_packets(const tcp::Plan& plan, MutableBytes room, std::vector<Packet>& out);

}  // namespace gl::sim
