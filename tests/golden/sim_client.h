// A model of an ordinary TCP client: RFC 9293's sliding window, RFC 6298's timer, RFC 7323's timestamps with PAWS. It
// knows nothing of cookies and ledgers. It writes queries in a given style, reads answers and closes when it has read
// them all. Units: milliseconds. Ownership: borrows its stream and its network. Thread: one.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "lib/wire/seqnum.h"
#include "tests/golden/sim_network.h"

namespace gl::golden {

struct SimClientSettings {
  bool timestamps = true;
  std::uint16_t mss = 1460;
  std::uint16_t window = 65535;
  bool delayed_acks = false;
  std::uint32_t isn = 0;
};

// One write of the application: these bytes go out as soon as so much has been read.
struct Write {
  std::size_t end = 0;            // of the client's stream
  std::size_t after_reading = 0;  // bytes of answers
};

class SimClient {
 public:
  SimClient(const SimClientSettings& settings, Bytes stream, std::vector<Write> writes, std::size_t to_read,
            SimNetwork& network);

  void receive(std::uint64_t now_ms, const SimSegment& segment);
  void on_timer(std::uint64_t now_ms);
  [[nodiscard]] std::uint64_t timer_at() const { return ack_due_ms_ ? std::min(*ack_due_ms_, rto_at_ms_) : rto_at_ms_; }

  [[nodiscard]] const ByteString& read() const { return read_; }
  [[nodiscard]] bool closed() const { return state_ == State::closed; }
  // What a correct server never does to a client: empty if nothing happened.
  [[nodiscard]] const std::string& complaint() const { return complaint_; }

 private:
  enum class State : std::uint8_t { syn_sent, open, closed };

  void receive_syn_ack(std::uint64_t now_ms, const SimSegment& segment);
  [[nodiscard]] bool paws_accepts(const SimSegment& segment);
  void receive_ack(std::uint64_t now_ms, tcp::SeqNum ack);
  void receive_data(std::uint64_t now_ms, const SimSegment& segment);
  void deliver_in_order();
  void application(std::uint64_t now_ms);
  void transmit(std::uint64_t now_ms, std::size_t begin, std::size_t end);
  void retransmit(std::uint64_t now_ms);
  void send(std::uint64_t now_ms, SimSegment segment);
  [[nodiscard]] std::size_t segment_room() const { return settings_.mss - (settings_.timestamps ? 12u : 0u); }
  [[nodiscard]] bool outstanding() const { return acked_ < sent_ || (fin_sent_ && !fin_acked_); }

  SimClientSettings settings_;
  Bytes stream_;
  std::vector<Write> writes_;
  std::size_t to_read_;
  SimNetwork& network_;

  State state_ = State::syn_sent;
  tcp::SeqNum isn_;
  tcp::SeqNum server_isn_;
  std::size_t written_ = 0;  // places in our stream: accepted from the application, sent, acknowledged
  std::size_t sent_ = 0;
  std::size_t acked_ = 0;
  bool fin_sent_ = false;
  bool fin_acked_ = false;
  bool server_fin_ = false;
  std::size_t next_write_ = 0;
  std::uint16_t server_window_ = 0;

  ByteString read_;
  std::map<std::size_t, ByteString> out_of_order_;
  std::optional<std::size_t> server_fin_at_;
  std::uint32_t ts_recent_ = 0;
  tcp::SeqNum last_ack_sent_;

  std::uint64_t rto_ms_ = 1000;
  std::uint64_t rto_at_ms_ = 0;
  std::optional<std::uint64_t> ack_due_ms_;
  std::string complaint_;
};

}  // namespace gl::golden
