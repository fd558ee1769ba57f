// The model client: what comes in, and the application above it.
#include "tests/sim/client.h"

#include <algorithm>
#include <utility>

namespace gl::sim {
namespace {

using tcp::SeqNum;

constexpr std::uint64_t kOddAckMs = 500;  // Linux's tcp_invalid_ratelimit
constexpr unsigned kDuplicateThreshold = 3;

}  // namespace

Client::Client(const ClientSettings& settings, Bytes stream, std::vector<Write> writes, AnswerReader& reader,
               Network& network)
    : settings_(settings),
      stream_(stream),
      writes_(std::move(writes)),
      reader_(reader),
      network_(network),
      isn_(settings.isn),
      window_edge_(settings.buffer) {}

void Client::receive(std::uint64_t now_ms, const Packet& packet) {
  if (state_ == State::closed) return;
  if (packet.has(tcp::kRst)) return receive_reset(now_ms, packet);
  if (state_ == State::syn_sent) return receive_syn_ack(now_ms, packet);
  if (!paws_accepts(now_ms, packet)) return;
  if (!in_window(packet)) return refuse(now_ms, packet);
  if (packet.has(tcp::kSyn)) return acknowledge(now_ms);  // RFC 5961 section 4
  receive_ack(now_ms, packet);
  receive_data(now_ms, packet);
  application(now_ms);
  if (fin_acked_ && server_fin_) {
    state_ = State::closed;
    timeout_at_ = probe_at_ = kNever;
  }
}

// RFC 5961 section 3: only the exact number resets; one within the window is asked for again.
void Client::receive_reset(std::uint64_t now_ms, const Packet& packet) {
  if (state_ == State::syn_sent) {
    was_reset_ = packet.has(tcp::kAck) && packet.ack == isn_ + 1;
    return;
  }
  if (packet.seq == expected()) {
    was_reset_ = true;
    return;
  }
  const std::uint32_t ahead = packet.seq - expected();
  if (ahead < window_edge_ - received_.size()) acknowledge(now_ms);
}

void Client::receive_syn_ack(std::uint64_t now_ms, const Packet& packet) {
  if (!packet.has(tcp::kSyn) || packet.ack != isn_ + 1) return;
  state_ = State::open;
  server_isn_ = packet.seq;
  server_window_ = packet.window;
  scales_ = packet.window_scale != wire::kNoWindowScale && settings_.window_scale != wire::kNoWindowScale;
  settings_.timestamps = settings_.timestamps && packet.timestamps;
  sack_ = settings_.sack && packet.sack_permitted;
  if (packet.timestamps) ts_recent_ = packet.timestamps->value;
  if (packet.mss != 0) settings_.mss = std::min(settings_.mss, packet.mss);
  timeout_ms_ = settings_.first_timeout_ms;
  if (settings_.measures) {
    timeout_ms_ = 3000;  // TCP_TIMEOUT_FALLBACK
    const bool echoed = packet.timestamps && packet.timestamps->echo != 0;
    if (!syn_repeated_ || echoed) measure(echoed ? age(now_ms, *packet.timestamps) : now_ms);
  }
  timeout_at_ = kNever;
  acknowledge(now_ms);
  application(now_ms);
}

// RFC 7323 section 5.3 (R1): an old timestamp is no segment of ours, and answered by an ACK.
bool Client::paws_accepts(std::uint64_t now_ms, const Packet& packet) {
  if (!settings_.timestamps) return true;
  if (!packet.timestamps) {
    complaint_ = "segment without timestamps";
    return false;
  }
  if (static_cast<std::int32_t>(packet.timestamps->value - ts_recent_) >= 0) return true;
  refuse(now_ms, packet);
  return false;
}

// RFC 7323 section 5.3 (R2), as Linux has it: not wholly before what was acknowledged, and not behind the window.
bool Client::in_window(const Packet& packet) const {
  const SeqNum end = packet.seq + static_cast<std::uint32_t>(packet.payload.size()) + (packet.has(tcp::kFin) ? 1u : 0u);
  const SeqNum edge = server_isn_ + 1 + static_cast<std::uint32_t>(window_edge_) + (server_fin_ ? 1u : 0u);
  return !before(end, last_ack_sent_) && !before(edge, packet.seq);
}

// What was here before is told as a duplicate (RFC 2883).

void Client::refuse(std::uint64_t now_ms, const Packet& packet) {
  if (packet.payload.empty()) {
    if (odd_ack_ms_ != 0 && now_ms < odd_ack_ms_ + kOddAckMs) return;
    odd_ack_ms_ = now_ms;
  }
  const std::uint32_t at = packet.seq - (server_isn_ + 1);
  if (!packet.payload.empty() && at < received_.size()) {
    order_.duplicate({at, std::min<std::size_t>(at + packet.payload.size(), received_.size())});
    quick_ = kQuickAcks;
    ping_pong_ = false;
  }
  acknowledge(now_ms);
}

void Client::receive_ack(std::uint64_t now_ms, const Packet& packet) {
  const std::uint32_t at = packet.ack - (isn_ + 1);
  const std::uint32_t highest = next_sent() - (isn_ + 1);
  if (at > highest) {
    if (at < 0x80000000u) complaint_ = "acknowledged what was not sent";
    return;
  }
  // RFC 7323 section 4.3: which timestamp is echoed next.
  const bool old = at < acked_;
  if (packet.timestamps && (!old || settings_.old_acks_stamp) && !before(last_ack_sent_, packet.seq)) {
    ts_recent_ = packet.timestamps->value;
  }
  if (old) return;
  if (at > sent_) fin_acked_ = true;
  const std::size_t acked = std::min<std::size_t>(at, sent_);
  if (acked == acked_ && !(fin_acked_ && timeout_at_ != kNever)) {
    // With SACK agreed upon Linux goes by blocks, and a server that has none to tell brings nothing about.
    const bool counts = !(settings_.measures && sack_) && packet.payload.empty() && !packet.has(tcp::kFin);
    if (counts && outstanding() && ++duplicates_ == kDuplicateThreshold) retransmit(now_ms);
    return;
  }
  acked_ = acked;
  server_window_ = packet.window;
  duplicates_ = 0;
  forget_acknowledged(now_ms, packet);
  if (!settings_.measures) {
    timeout_ms_ = settings_.first_timeout_ms;
    if (settings_.resends_after_timeout && acked_ < lost_until_) retransmit(now_ms);
  } else if (acked_ < lost_until_) {
    recover(now_ms);
  }
  rearm(now_ms);
}

void Client::receive_data(std::uint64_t now_ms, const Packet& packet) {
  if (packet.payload.empty() && !packet.has(tcp::kFin)) return;
  const std::uint32_t at = packet.seq - (server_isn_ + 1);
  const bool in_order = at == received_.size() && !server_fin_;
  if (at < 0x80000000u) {
    if (at + packet.payload.size() > window_edge_) complaint_ = "sent beyond the window";
    note_order(at, packet);
    store(at, packet);
  }
  const bool gap = !out_of_order_.empty() && !in_order;
  const std::size_t client_has = out_of_order_.size();
  deliver_in_order();
  order_.advance(received_.size());
  ++unacknowledged_;
  if (settings_.acks == Acks::linux) push(now_ms);  // what the window takes by now says it as well
  schedule_ack(now_ms, packet.payload.size(), in_order, !gap && client_has > 1 && out_of_order_.empty());
  data_at_ = now_ms;
}

void Client::store(std::uint32_t at, const Packet& packet) {
  Held& client_has = out_of_order_[at];
  const bool fin = packet.has(tcp::kFin);
  if (client_has.bytes.size() > packet.payload.size() ||
      (client_has.bytes.size() == packet.payload.size() && client_has.fin))
    return;
  client_has = {packet.payload, fin};
}

// A FIN at a place that the stream has passed is an old segment; one in its turn ends the stream, whatever is held
// behind it.
void Client::deliver_in_order() {
  while (!server_fin_ && !out_of_order_.empty() && out_of_order_.begin()->first <= received_.size()) {
    const auto& [at, client_has] = *out_of_order_.begin();
    const std::size_t known = received_.size() - at;
    if (known < client_has.bytes.size()) {
      received_.insert(received_.end(), client_has.bytes.begin() + static_cast<std::ptrdiff_t>(known),
                       client_has.bytes.end());
    }
    server_fin_ = client_has.fin && known <= client_has.bytes.size();
    out_of_order_.erase(out_of_order_.begin());
  }
  if (server_fin_) out_of_order_.clear();
}

// Reads and writes what is due, and closes in its way.
void Client::application(std::uint64_t now_ms) {
  if (settings_.read_pause_ms == 0) {
    consumed_ = received_.size();
  } else if (consumed_ < received_.size() && read_at_ == kNever) {
    read_at_ = now_ms + settings_.read_pause_ms;
  }
  reader_.read(Bytes(received_).first(consumed_));
  while (next_write_ < writes_.size() && writes_[next_write_].after_answers <= reader_.answers()) {
    const Write& write = writes_[next_write_];
    if (write_at_ == kNever) write_at_ = now_ms + write.pause_ms;
    if (write_at_ > now_ms) break;
    write_at_ = kNever;
    written_ = write.end;
    const bool last = ++next_write_ == writes_.size();
    if (last && settings_.closing == Closing::with_last_write) fin_wanted_ = true;
    push(now_ms);
    if (last && settings_.closing == Closing::after_last_write) fin_wanted_ = true;
  }
  if (reader_.complete() && next_write_ == writes_.size()) fin_wanted_ = true;
  push(now_ms);
}

void Client::read_some(std::uint64_t now_ms) {
  read_at_ = kNever;
  consumed_ = std::min(received_.size(), consumed_ + settings_.read_at_once);
  const std::size_t before = window_edge_;
  open_window();
  application(now_ms);
  if (window_edge_ != before) acknowledge(now_ms);
}

}  // namespace gl::sim
