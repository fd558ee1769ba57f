// The model client: what goes out.
#include <algorithm>
#include <utility>

#include "tests/sim/client.h"

namespace gl::sim {
namespace {

constexpr std::uint64_t kInTurnsMs = 40;  // data behind data received within so long is an answer to it

}  // namespace

void Client::start(std::uint64_t now_ms) {
  timeout_at_ = now_ms + timeout_ms_;
  Packet syn{isn_, {}, tcp::kSyn, 0, settings_.mss, settings_.sack, {}, {}, {}, settings_.window_scale};
  if (settings_.syn_twice) send(now_ms, syn);
  send(now_ms, std::move(syn));
}

std::uint64_t Client::timer_at() const {
  return std::min({timeout_at_, probe_at_, ack_at_, write_at_, read_at_, keepalive_at_});
}

void Client::on_timer(std::uint64_t now_ms) {
  if (read_at_ <= now_ms) read_some(now_ms);
  if (write_at_ <= now_ms) application(now_ms);
  if (ack_at_ <= now_ms) acknowledge(now_ms);
  if (probe_at_ <= now_ms) probe(now_ms);
  if (timeout_at_ <= now_ms) timeout(now_ms);
  if (keepalive_at_ <= now_ms) {
    keepalive_at_ = now_ms + settings_.keepalive_ms;
    if (!outstanding() && state_ == State::open) send(now_ms, {next_sent() - 1, {}, 0, 0, 0, false, {}, {}, {}});
  }
}

// Up to where may be sent now, as Linux has it: no piece of a segment only because the window ends there (RFC 9293
// section 3.8.6.2.1), and with Nagle no small segment behind a small one (RFC 896).
std::size_t Client::sendable_end() const {
  const std::size_t room = segment_room();
  const std::size_t out = settings_.congestion ? segments_out() : 0;
  if (out >= congestion_window_) return sent_;
  const std::size_t unsent = written_ - sent_;
  const std::size_t window = std::max(acked_ + server_window_, sent_) - sent_;
  if (window < std::min(unsent, room)) return sent_;
  const bool alone = settings_.repeat == Repeat::segments || settings_.congestion;
  const std::size_t most = alone ? std::min(room, window) : window;
  const std::size_t length = std::min(unsent, most);
  const bool hold = settings_.nagle && !fin_wanted_ && small_end_ > acked_;
  return sent_ + (hold ? length - length % room : length);
}

// As Linux counts them: a buffer of which only a part was acknowledged is a segment on its way like any other, so with
// a congestion window of one segment nothing follows it.
std::size_t Client::segments_out() const {
  if (!settings_.measures) return buffers_.size();
  return static_cast<std::size_t>(std::ranges::count(buffers_, false, &Buffer::lost));
}

// Linux makes room for what it has to tell of data out of order.
std::size_t Client::segment_room() const {
  return settings_.mss - (settings_.timestamps ? 12u : 0u) - order_length();
}

void Client::repeat_buffer(std::uint64_t now_ms, std::size_t which) {
  const std::size_t room = segment_room();
  if (settings_.repeat == Repeat::bytes || buffers_.empty()) {
    const std::size_t end = std::min({written_, acked_ + room, acked_ + server_window_});
    if (end > sent_) {
      buffers_.push_back({sent_, end});
      sent_ = end;
    }
    return transmit(now_ms, acked_, std::min(end, sent_));
  }
  Buffer& head = buffers_[which];
  head.begin = std::max(head.begin, acked_);
  if (head.end - head.begin > room) {
    Buffer rest = head;
    rest.begin = head.end = head.begin + room;
    buffers_.insert(buffers_.begin() + static_cast<std::ptrdiff_t>(which) + 1, rest);
  } else if (settings_.repeat == Repeat::whole_buffers) {
    const auto next = buffers_.begin() + static_cast<std::ptrdiff_t>(which) + 1;
    auto joined = next;
    while (joined != buffers_.end() && joined->end - head.begin <= room) head.end = joined++->end;
    buffers_.erase(next, joined);
  }
  Buffer& sent = buffers_[which];
  sent.repeated = true;
  sent.lost = false;
  sent.sent_ms = now_ms;
  transmit(now_ms, sent.begin, sent.end);
}

// Sends what the window takes.
void Client::push(std::uint64_t now_ms) {
  const bool idle = !outstanding();
  const std::size_t before = sent_;
  while (state_ == State::open && sent_ < written_) {
    const std::size_t end = sendable_end();
    if (end == sent_) break;
    buffers_.push_back({sent_, end, now_ms});
    if (data_at_ != 0 && now_ms < data_at_ + kInTurnsMs) ping_pong_ = true;
    const std::size_t room = segment_room();
    while (sent_ < end) {
      const std::size_t begin = sent_;
      sent_ = std::min(end, begin + room);
      if (sent_ - begin < room) small_end_ = sent_;
      if (fin_wanted_ && sent_ == stream_.size()) fin_sent_ = true;
      transmit(now_ms, begin, sent_);
    }
  }
  if (fin_wanted_ && !fin_sent_ && sent_ == stream_.size() && state_ == State::open) {
    fin_sent_ = true;
    transmit(now_ms, sent_, sent_);
  }
  if (idle && outstanding()) rearm(now_ms);
  if (sent_ == before) return;
  if (settings_.probe_ms != 0) probe_at_ = now_ms + settings_.probe_ms;
  schedule_probe(now_ms, buffers_.front().sent_ms);
}

void Client::transmit(std::uint64_t now_ms, std::size_t begin, std::size_t end) {
  Packet packet;
  packet.seq = place(begin);
  if (end > begin) packet.flags |= tcp::kPsh;
  if (fin_sent_ && end == sent_) packet.flags |= tcp::kFin;
  const Bytes bytes = stream_.subspan(begin, end - begin);
  packet.payload.assign(bytes.begin(), bytes.end());
  send(now_ms, std::move(packet));
}

void Client::acknowledge(std::uint64_t now_ms) {
  send(now_ms, {next_sent(), {}, 0, 0, 0, false, {}, {}, {}});
}

// RFC 9293 section 3.8.6.2.2: the window opens in steps worth a segment, and never shrinks.
void Client::open_window() {
  const std::size_t edge = std::min(consumed_ + settings_.buffer,
                                    received_.size() + (std::size_t{65535} << (scales_ ? settings_.window_scale : 0)));
  const std::size_t step = std::min<std::size_t>(settings_.mss, settings_.buffer / 2);
  if (edge >= window_edge_ + step) window_edge_ = edge;
}

void Client::send(std::uint64_t now_ms, Packet packet) {
  open_window();
  const unsigned shift = scales_ && !packet.has(tcp::kSyn) ? settings_.window_scale : 0;
  packet.window = static_cast<std::uint16_t>(std::min<std::size_t>((window_edge_ - received_.size()) >> shift, 65535));
  if (settings_.timestamps) {
    const std::uint32_t echo = state_ == State::syn_sent ? 0 : ts_recent_;
    packet.timestamps = {static_cast<std::uint32_t>(now_ms) + settings_.clock, echo};
  }
  if (state_ != State::syn_sent) {
    packet.flags |= tcp::kAck;
    packet.ack = expected();
    last_ack_sent_ = packet.ack;
    if (received_.size() != told_) gap_acks_ = 0;
    told_ = received_.size();
    ack_at_ = kNever;
    unacknowledged_ = 0;
    if (quick_ > 0) --quick_;
    if (sack_ && (packet.payload.empty() || settings_.measures)) tell_order(packet);
  }
  if (settings_.keepalive_ms != 0) keepalive_at_ = now_ms + settings_.keepalive_ms;
  const bool arrives = network_.send(now_ms, true, packet);
  if (note_ != nullptr && !arrives) note_(whose_, now_ms, packet, false);
}

}  // namespace gl::sim
