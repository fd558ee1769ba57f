// The model client: what it tells of what came in, and when.
#include <algorithm>

#include "tests/sim/client.h"

namespace gl::sim {
namespace {

constexpr std::uint64_t kDelayedAckMs = 40;
constexpr unsigned kAcksBeforeRest = 3;  // for one gap; then Linux gathers them for up to a millisecond
constexpr std::uint64_t kGatheredAckMs = 1;

}  // namespace

void Client::note_order(std::uint32_t place, const Packet& packet) {
  const std::size_t here = received_.size();
  const std::size_t end = place + packet.payload.size() + (packet.has(tcp::kFin) ? 1u : 0u);
  if (place > here) return order_.add({place, end});
  if (place < here) order_.duplicate({place, std::min(end, here)});
}

void Client::schedule_ack(std::uint64_t now_ms, std::size_t size, bool in_order, bool filled) {
  if (settings_.acks == Acks::linux) {
    const std::uint64_t at = linux_ack_at(now_ms, size, in_order, filled);
    if (at <= now_ms) return acknowledge(now_ms);
    ack_at_ = std::min(ack_at_, at);
    return;
  }
  const bool second = settings_.acks == Acks::each || unacknowledged_ >= 2;
  const bool wait = in_order && out_of_order_.empty() && !server_fin_ && !second;
  ack_at_ = std::min(ack_at_, wait ? now_ms + kDelayedAckMs : now_ms);
}

// tcp_data_queue() and __tcp_ack_snd_check(), and tcp_cleanup_rbuf() for small segments that the application reads. An
// acknowledgement that went with data is none any more.
std::uint64_t Client::linux_ack_at(std::uint64_t now_ms, std::size_t size, bool in_order, bool filled) {
  if (unacknowledged_ == 0) return kNever;
  if (server_fin_ || filled) return now_ms;
  if (!in_order && out_of_order_.empty()) {  // it was here
    quick_ = kQuickAcks;
    ping_pong_ = false;
    return now_ms;
  }
  full_ = std::max(full_, size);
  if (received_.size() - told_ > full_ || (quick_ > 0 && !ping_pong_)) return now_ms;
  if (!out_of_order_.empty()) return sack_ && ++gap_acks_ > kAcksBeforeRest ? now_ms + kGatheredAckMs : now_ms;
  const bool again = pushed_;
  pushed_ = size < full_;
  if (pushed_ && consumed_ + size >= received_.size() && (again || !ping_pong_)) return now_ms;
  return now_ms + kDelayedAckMs;
}

std::size_t Client::order_length() const {
  const std::size_t blocks = sack_ && settings_.measures ? order_.count(most_blocks()) : 0;
  return blocks == 0 ? 0 : 4 + 8 * blocks;
}

void Client::tell_order(Packet& packet) {
  for (const SackList::Block& block : order_.take(most_blocks())) {
    const std::uint32_t first = (server_isn_ + 1).value();
    packet.sack.blocks.at(packet.sack.count++) = {first + static_cast<std::uint32_t>(block.begin),
                                                  first + static_cast<std::uint32_t>(block.end)};
  }
}

}  // namespace gl::sim
