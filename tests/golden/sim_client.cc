#include "tests/golden/sim_client.h"

#include <algorithm>
#include <utility>

namespace gl::golden {
namespace {

using tcp::SeqNum;

constexpr std::uint64_t kNever = ~std::uint64_t{0};
constexpr std::uint64_t kMinRtoMs = 200;
constexpr std::uint64_t kMaxRtoMs = 120000;
constexpr std::uint64_t kDelayedAckMs = 40;

}  // namespace

SimClient::SimClient(const SimClientSettings& settings, Bytes stream, std::vector<Write> writes, std::size_t to_read,
                     SimNetwork& network)
    : settings_(settings),
      stream_(stream),
      writes_(std::move(writes)),
      to_read_(to_read),
      network_(network),
      isn_(settings.isn) {}

void SimClient::send(std::uint64_t now_ms, SimSegment segment) {
  segment.window = settings_.window;
  if (settings_.timestamps) segment.timestamps = {static_cast<std::uint32_t>(now_ms) + 7777, ts_recent_};
  if (state_ != State::syn_sent) {
    segment.flags |= tcp::kAck;
    segment.ack = server_isn_ + 1 + static_cast<std::uint32_t>(read_.size()) + (server_fin_ ? 1u : 0u);
    last_ack_sent_ = segment.ack;
    ack_due_ms_.reset();
  }
  network_.send(now_ms, true, segment);
}

void SimClient::on_timer(std::uint64_t now_ms) {
  if (ack_due_ms_ && *ack_due_ms_ <= now_ms) {
    send(now_ms, {isn_ + 1 + static_cast<std::uint32_t>(sent_) + (fin_sent_ ? 1u : 0u), {}, 0, 0, 0, {}, {}});
  }
  if (rto_at_ms_ > now_ms) return;
  rto_at_ms_ = now_ms + rto_ms_;
  rto_ms_ = std::min(2 * rto_ms_, kMaxRtoMs);
  if (state_ == State::syn_sent) {
    send(now_ms, {isn_, {}, tcp::kSyn, 0, settings_.mss, {}, {}});
  } else {
    retransmit(now_ms);
  }
}

// From the first byte not acknowledged on, as one segment: pieces sent apart come together (Linux does so too).
void SimClient::retransmit(std::uint64_t now_ms) {
  if (!outstanding()) {
    rto_at_ms_ = kNever;
    return;
  }
  transmit(now_ms, acked_, std::min(sent_, acked_ + segment_room()));
}

void SimClient::transmit(std::uint64_t now_ms, std::size_t begin, std::size_t end) {
  SimSegment segment;
  segment.seq = isn_ + 1 + static_cast<std::uint32_t>(begin);
  if (end > begin) segment.flags |= tcp::kPsh;
  if (fin_sent_ && end == sent_) segment.flags |= tcp::kFin;
  const Bytes bytes = stream_.subspan(begin, end - begin);
  segment.payload.assign(bytes.begin(), bytes.end());
  send(now_ms, std::move(segment));
}

void SimClient::receive(std::uint64_t now_ms, const SimSegment& segment) {
  if (state_ == State::closed) return;
  if (segment.has(tcp::kRst)) {
    complaint_ = "reset";
    return;
  }
  if (state_ == State::syn_sent) return receive_syn_ack(now_ms, segment);
  if (segment.has(tcp::kSyn)) return send(now_ms, {isn_ + 1 + static_cast<std::uint32_t>(sent_), {}, 0, 0, 0, {}, {}});
  if (!paws_accepts(segment)) return;
  receive_ack(now_ms, segment.ack);
  receive_data(now_ms, segment);
  application(now_ms);
  if (fin_acked_ && server_fin_) {
    state_ = State::closed;
    rto_at_ms_ = kNever;
  }
}

void SimClient::receive_syn_ack(std::uint64_t now_ms, const SimSegment& segment) {
  if (!segment.has(tcp::kSyn) || segment.ack != isn_ + 1) return;
  state_ = State::open;
  server_isn_ = segment.seq;
  server_window_ = segment.window;
  settings_.timestamps = settings_.timestamps && segment.timestamps;
  if (segment.timestamps) ts_recent_ = segment.timestamps->value;
  settings_.mss = std::min(settings_.mss, segment.mss);
  rto_ms_ = kMinRtoMs;
  rto_at_ms_ = kNever;
  send(now_ms, {isn_ + 1, {}, 0, 0, 0, {}, {}});
  application(now_ms);
}

// RFC 7323 section 5.3 (R1) and section 4.3: an old timestamp is no segment of ours; which one is echoed next.
bool SimClient::paws_accepts(const SimSegment& segment) {
  if (!settings_.timestamps) return true;
  if (!segment.timestamps) {
    complaint_ = "segment without timestamps";
    return false;
  }
  if (static_cast<std::int32_t>(segment.timestamps->value - ts_recent_) < 0) return false;
  if (!before(last_ack_sent_, segment.seq)) ts_recent_ = segment.timestamps->value;
  return true;
}

void SimClient::receive_ack(std::uint64_t now_ms, SeqNum ack) {
  const std::uint32_t place = ack - (isn_ + 1);
  if (place > sent_ + (fin_sent_ ? 1 : 0)) {
    if (place < 0x80000000u) complaint_ = "acknowledged what was not sent";
    return;
  }
  if (place > sent_) fin_acked_ = true;
  const std::size_t acked = std::min<std::size_t>(place, sent_);
  if (acked < acked_ || (acked == acked_ && !fin_acked_)) return;
  acked_ = acked;
  rto_ms_ = kMinRtoMs;
  rto_at_ms_ = outstanding() ? now_ms + rto_ms_ : kNever;
}

void SimClient::receive_data(std::uint64_t now_ms, const SimSegment& segment) {
  if (segment.payload.empty() && !segment.has(tcp::kFin)) return;
  const std::uint32_t place = segment.seq - (server_isn_ + 1);
  const bool expected = place == read_.size() && !server_fin_;
  if (place < 0x80000000u && place + segment.payload.size() > read_.size() + settings_.window) {
    complaint_ = "sent beyond the window";
  }
  if (place < 0x80000000u) {
    if (segment.has(tcp::kFin)) server_fin_at_ = place + segment.payload.size();
    ByteString& held = out_of_order_[place];
    if (held.size() < segment.payload.size()) held = segment.payload;
  }
  deliver_in_order();
  ack_due_ms_ = expected && settings_.delayed_acks && out_of_order_.empty() ? now_ms + kDelayedAckMs : now_ms;
}

void SimClient::deliver_in_order() {
  while (!out_of_order_.empty() && out_of_order_.begin()->first <= read_.size()) {
    const auto& [place, bytes] = *out_of_order_.begin();
    const std::size_t known = read_.size() - place;
    if (known < bytes.size()) {
      read_.insert(read_.end(), bytes.begin() + static_cast<std::ptrdiff_t>(known), bytes.end());
    }
    out_of_order_.erase(out_of_order_.begin());
  }
  if (server_fin_at_ && *server_fin_at_ == read_.size()) server_fin_ = true;
}

// Writes what is due, sends what the window takes, closes after the last answer. Nagle's algorithm is off.
void SimClient::application(std::uint64_t now_ms) {
  const bool idle = !outstanding();
  while (next_write_ < writes_.size() && writes_[next_write_].after_reading <= read_.size()) {
    written_ = writes_[next_write_++].end;
    while (sent_ < written_ && sent_ < acked_ + server_window_) {
      const std::size_t begin = sent_;
      sent_ = std::min({written_, begin + segment_room(), acked_ + server_window_});
      transmit(now_ms, begin, sent_);
    }
  }
  const bool done = read_.size() >= to_read_ && sent_ == stream_.size();
  if (done && !fin_sent_) {
    fin_sent_ = true;
    transmit(now_ms, sent_, sent_);
  }
  if (idle && outstanding()) rto_at_ms_ = now_ms + rto_ms_;
}

}  // namespace gl::golden
