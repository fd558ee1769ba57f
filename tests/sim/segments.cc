#include "tests/sim/segments.h"

#include <span>
#include <utility>

#include "tests/allocations.h"

namespace gl::sim {

tcp::Segment to_segment(const Packet& packet, const tcp::FlowKey& flow) {
  tcp::Segment segment;
  segment.flow = flow;
  segment.seq = packet.seq;
  segment.ack = packet.ack;
  segment.flags = packet.flags;
  segment.window = packet.window;
  segment.mss = packet.mss;
  segment.sack_permitted = packet.sack_permitted;
  segment.window_scale = packet.window_scale;
  segment.sack = packet.sack;
  segment.timestamps = packet.timestamps;
  segment.payload = packet.payload;
  return segment;
}

std::uint64_t append_packets(const tcp::Plan& plan, MutableBytes room, std::vector<Packet>& out) {
  std::uint64_t allocations = 0;
  for (const tcp::OutSegment& segment : std::span(plan.segments).first(plan.count)) {
    Packet sent{segment.seq, segment.ack, segment.flags, segment.window, segment.mss, segment.sack_permitted, {},
                {},          {}};
    if (segment.has_timestamps) sent.timestamps = segment.timestamps;
    if (segment.window_scale) sent.window_scale = 0;
    const std::uint64_t before = test::allocations_so_far();
    const Bytes payload = plan.payload(segment, room);
    allocations += test::allocations_so_far() - before;
    sent.payload.assign(payload.begin(), payload.end());
    out.push_back(std::move(sent));
  }
  return allocations;
}

}  // namespace gl::sim
