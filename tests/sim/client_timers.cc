// The model client: round trips, timeouts and probes.
#include <algorithm>
#include <optional>
#include <utility>

#include "tests/sim/client.h"

namespace gl::sim {
namespace {

constexpr std::uint64_t kLongestTimeoutMs = 120000;
constexpr std::uint64_t kLeastTimeoutMs = 200;
constexpr std::uint64_t kFirstProbeMs = 1000;
constexpr std::uint64_t kTickMs = 2;

}  // namespace

void Client::timeout(std::uint64_t now_ms) {
  const std::uint64_t before = timeout_ms_;
  timeout_ms_ = std::min(2 * timeout_ms_, kLongestTimeoutMs);
  timeout_at_ = now_ms + (settings_.measures ? timeout_ms_ : before);
  if (state_ == State::syn_sent) {
    congestion_window_ = 1;
    syn_repeated_ = true;
    return send(now_ms, {isn_, {}, tcp::kSyn, 0, settings_.mss, settings_.sack, {}, {}, {}, settings_.window_scale});
  }
  if (!outstanding()) {
    timeout_at_ = kNever;
    return;
  }
  ++timeouts_;
  if (acked_ >= lost_until_) window_before_ = congestion_window_;
  congestion_window_ = 1;
  lost_until_ = sent_;
  probed_until_ = 0;
  if (!settings_.measures || buffers_.empty()) return retransmit(now_ms);
  for (Buffer& buffer : buffers_) buffer.lost = true;
  retransmit(now_ms);
  new_data_first_ = true;
}

// After a timeout: what was on its way is sent again as the window grows. Behind the first acknowledgement new data
// shows whether the timeout was one (RFC 5682).
void Client::recover(std::uint64_t now_ms) {
  const std::size_t before = sent_;
  if (std::exchange(new_data_first_, false)) push(now_ms);
  if (sent_ != before) return;
  for (std::size_t i = 0; i < buffers_.size() && segments_out() < congestion_window_; ++i) {
    if (buffers_[i].lost) repeat_buffer(now_ms, i);
  }
}

// RFC 6298 as Linux has it: variations downwards count less, and the timer is at least 200 ms above the round trip.
void Client::measure(std::uint64_t round_trip_ms) {
  const std::uint64_t now = std::max<std::uint64_t>(round_trip_ms, 1);
  if (smoothed_x8_ == 0) {
    smoothed_x8_ = 8 * now;
    deviation_x4_ = 2 * now;
  } else {
    auto error = static_cast<std::int64_t>(now) - static_cast<std::int64_t>(smoothed_x8_ / 8);
    smoothed_x8_ += static_cast<std::uint64_t>(error);
    const bool below = error < 0;
    error = (below ? -error : error) - static_cast<std::int64_t>(deviation_x4_ / 4);
    if (below && error > 0) error /= 8;
    deviation_x4_ += static_cast<std::uint64_t>(error);
  }
  timeout_ms_ = std::min(smoothed_x8_ / 8 + std::max(kLeastTimeoutMs, deviation_x4_), kLongestTimeoutMs);
}

// Without timestamps an ACK for anything that was repeated tells nothing (Karn), and the timer stays backed off.
void Client::forget_acknowledged(std::uint64_t now_ms, const Packet& packet) {
  const std::size_t before = buffers_.size();
  std::optional<std::uint64_t> round_trip;
  bool original = false;
  bool repeated = false;
  for (const Buffer& buffer : buffers_) {
    if (buffer.end > acked_) break;
    (buffer.repeated ? repeated : original) = true;
    if (!buffer.repeated && !round_trip) round_trip = now_ms - buffer.sent_ms;
  }
  if (repeated) round_trip.reset();
  if (!round_trip && packet.timestamps && packet.timestamps->echo != 0) round_trip = age(now_ms, *packet.timestamps);
  std::erase_if(buffers_, [this](const Buffer& buffer) { return buffer.end <= acked_; });
  congestion_window_ += before - buffers_.size();  // slow start
  if (!settings_.measures) return;
  if (round_trip) measure(*round_trip);
  if (!new_data_first_ || !original) return;
  // What was never sent again has arrived: nothing was lost.
  for (Buffer& buffer : buffers_) buffer.lost = false;
  congestion_window_ = std::max(congestion_window_, window_before_);
  lost_until_ = 0;
  new_data_first_ = false;
}

void Client::rearm(std::uint64_t now_ms) {
  timeout_at_ = outstanding() ? now_ms + timeout_ms_ : kNever;
  if (settings_.measures || !outstanding()) probe_at_ = kNever;
  schedule_probe(now_ms, now_ms);
}

// RFC 8985 section 7.2: in place of the timer, and never later than `since` and the timer's time.
void Client::schedule_probe(std::uint64_t now_ms, std::uint64_t since_ms) {
  if (!settings_.measures || !sack_ || buffers_.empty() || acked_ < lost_until_ || probed_until_ > acked_) return;
  const std::uint64_t wait = smoothed_x8_ == 0 ? kFirstProbeMs : smoothed_x8_ / 4;
  const std::uint64_t due = std::max(since_ms + timeout_ms_, now_ms + 1);
  probe_at_ = std::min(now_ms + wait + (buffers_.size() == 1 ? kLeastTimeoutMs : kTickMs), due);
  timeout_at_ = kNever;
}

// RFC 8985 section 7.3: new data if there is any, or the last segment once more.
void Client::probe(std::uint64_t now_ms) {
  probe_at_ = kNever;
  if (!outstanding()) return;
  const std::size_t before = sent_;
  const std::size_t window = congestion_window_;
  if (acked_ >= lost_until_) congestion_window_ = std::max(window, segments_out() + 1);  // whatever the window says
  push(now_ms);
  congestion_window_ = window;
  probe_at_ = kNever;
  if (settings_.measures) timeout_at_ = now_ms + timeout_ms_;
  if (sent_ == before && !buffers_.empty()) {
    Buffer& last = buffers_.back();
    const std::size_t room = segment_room();
    const std::size_t begin = std::max(last.begin + (last.end - last.begin - 1) / room * room, acked_);
    last.repeated = true;
    last.sent_ms = now_ms;
    transmit(now_ms, begin, last.end);
  }
  probed_until_ = sent_;
}

// While this lasts nothing is left to it but what the server sends.
std::uint64_t Client::repeats_at() const {
  if (timeout_at_ != kNever) return timeout_at_;
  return settings_.measures && probe_at_ != kNever ? probe_at_ + timeout_ms_ : 0;
}

}  // namespace gl::sim
