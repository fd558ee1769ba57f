// A model of ordinary TCP clients: RFC 9293's sliding window, RFC 6298's timer, RFC 7323's timestamps with PAWS, RFC
// 1122's delayed ACK and RFC 896's Nagle, RFC 2018's and RFC 2883's SACK, RFC 8985's tail loss probe, RFC 5961's checks
// of RST and SYN; of Linux 6 where stacks differ and a setting says so. It knows nothing of cookies and ledgers. It
// writes queries in a given style, reads answers, closes. Units: milliseconds, bytes. Ownership: borrows stream and
// network. Thread: one.
#pragma once

#include <cstdint>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "tests/sim/network.h"
#include "tests/sim/reader.h"
#include "tests/sim/sack_list.h"

namespace gl::sim {

// What a retransmission carries.
enum class Repeat : std::uint8_t {
  whole_buffers,  // Linux: the first buffer not acknowledged, and the next ones while whole ones fit the segment
  bytes,          // BSD: from the first byte not acknowledged on, also what was not sent before
  segments,       // the segment as it was sent, without what is acknowledged
};

// When what has come in is acknowledged.
enum class Acks : std::uint8_t {
  each,
  every_second,  // or after 40 ms
  linux          // the first sixteen at once, then every second full one, or after 40 ms; at once what is out of order
};

enum class Closing : std::uint8_t {
  after_reading,    // the whole of the answers
  with_last_write,  // half-close: the FIN is on the last segment
  after_last_write  // half-close: a FIN of its own
};

struct ClientSettings {
  bool timestamps = true;
  bool sack = true;                                  // offered
  std::uint8_t window_scale = wire::kNoWindowScale;  // likewise
  bool nagle = false;
  Acks acks = Acks::each;
  bool old_acks_stamp = false;  // a segment with an ACK from before updates TS.Recent too (Linux: on its fast path)
  bool resends_after_timeout = true;  // everything in flight is sent again as ACKs come in (slow start)
  bool congestion = false;            // a congestion window: ten segments, one after a loss (RFC 5681, RFC 6928)
  bool syn_twice = false;
  Repeat repeat = Repeat::whole_buffers;
  Closing closing = Closing::after_reading;
  std::uint16_t mss = 1460;
  std::uint32_t buffer = 65535;                                            // for what is received
  std::uint32_t read_at_once = std::numeric_limits<std::uint32_t>::max();  // bytes the application takes each time
  std::uint64_t read_pause_ms = 0;                                         // between two reads
  // Linux's timer (RFC 6298 with what it measured, and 200 ms at least above that), its tail loss probe where SACK is
  // on, and after a timeout a congestion window of one segment and slow start. Otherwise the next three say how long.
  bool measures = false;
  std::uint64_t first_timeout_ms = 200;
  std::uint64_t probe_ms = 0;      // tail loss probe after this; 0: none (RFC 8985 section 7)
  std::uint64_t keepalive_ms = 0;  // of silence; 0: none
  std::uint32_t isn = 0;
  std::uint32_t clock = 0;  // TSval at the beginning
};

// One write of the application: these bytes go out, `pause_ms` after so many answers have been read.
struct Write {
  std::size_t end = 0;  // of the client's stream
  std::size_t after_answers = 0;
  std::uint64_t pause_ms = 0;
};

class Client {
 public:
  Client(const ClientSettings& settings, Bytes stream, std::vector<Write> writes, AnswerReader& reader,
         Network& network);

  void receive(std::uint64_t now_ms, const Packet& packet);
  void on_timer(std::uint64_t now_ms);
  [[nodiscard]] std::uint64_t timer_at() const;

  [[nodiscard]] const ByteString& received() const { return received_; }
  [[nodiscard]] bool closed() const { return state_ == State::closed; }
  // The application has read all that came in.
  [[nodiscard]] bool idle_reader() const { return consumed_ == received_.size(); }
  [[nodiscard]] bool was_reset() const { return was_reset_; }
  [[nodiscard]] bool saw_fin() const { return server_fin_; }
  // What a correct server never does to a client: empty if nothing happened.
  [[nodiscard]] const std::string& complaint() const { return complaint_; }
  // How often the timer of retransmission fired after the handshake.
  [[nodiscard]] unsigned timeouts() const { return timeouts_; }
  // Whether something is not acknowledged, how far all has come, and its own timer: how long it is, and when it will
  // repeat something (0: never).
  [[nodiscard]] bool waits() const { return state_ == State::open && (outstanding() || (fin_sent_ && !server_fin_)); }
  [[nodiscard]] std::uint64_t progress() const {
    return received_.size() + acked_ + (server_fin_ ? 1u : 0u) + (fin_acked_ ? 1u : 0u);
  }
  [[nodiscard]] std::size_t sent() const { return sent_; }
  // Which part of our stream that will be, as far as it was sent in one segment.
  [[nodiscard]] std::pair<std::size_t, std::size_t> repeats() const {
    return {acked_, buffers_.empty() ? acked_ : buffers_.front().end};
  }
  // More than its timer repeats is not acknowledged.
  [[nodiscard]] bool repeats_a_part() const { return buffers_.size() > 1 || sent_ - acked_ > segment_room(); }
  [[nodiscard]] std::uint64_t timeout_ms() const { return timeout_ms_; }
  [[nodiscard]] std::uint64_t repeats_at() const;
  // What was lost on the way, for the trace.
  void on_send(void (*note)(void*, std::uint64_t, const Packet&, bool), void* whose) { note_ = note, whose_ = whose; }
  void start(std::uint64_t now_ms);

 private:
  enum class State : std::uint8_t { syn_sent, open, closed };
  static constexpr std::uint64_t kNever = ~std::uint64_t{0};
  static constexpr unsigned kQuickAcks = 16;
  struct Buffer {
    std::size_t begin;
    std::size_t end;
    std::uint64_t sent_ms = 0;
    bool repeated = false;  // says nothing of the round trip (Karn)
    bool lost = false;      // the timer fired, and it was not sent again since
  };

  // client.cc: what comes in
  void receive_syn_ack(std::uint64_t now_ms, const Packet& packet);
  void receive_reset(std::uint64_t now_ms, const Packet& packet);
  [[nodiscard]] bool paws_accepts(std::uint64_t now_ms, const Packet& packet);
  [[nodiscard]] bool in_window(const Packet& packet) const;
  void refuse(std::uint64_t now_ms, const Packet& packet);
  void receive_ack(std::uint64_t now_ms, const Packet& packet);
  void receive_data(std::uint64_t now_ms, const Packet& packet);
  void store(std::uint32_t place, const Packet& packet);
  void deliver_in_order();

  // client_acks.cc: what is told of it, and when
  void note_order(std::uint32_t place, const Packet& packet);
  void schedule_ack(std::uint64_t now_ms, std::size_t size, bool in_order, bool filled);
  [[nodiscard]] std::uint64_t linux_ack_at(std::uint64_t now_ms, std::size_t size, bool in_order, bool filled);
  void tell_order(Packet& packet);
  [[nodiscard]] std::size_t most_blocks() const { return settings_.timestamps ? 3 : 4; }
  [[nodiscard]] std::size_t order_length() const;
  void application(std::uint64_t now_ms);
  void read_some(std::uint64_t now_ms);

  // client_send.cc: what goes out
  [[nodiscard]] std::size_t sendable_end() const;
  void push(std::uint64_t now_ms);
  void retransmit(std::uint64_t now_ms) { repeat_buffer(now_ms, 0); }
  void repeat_buffer(std::uint64_t now_ms, std::size_t which);
  void transmit(std::uint64_t now_ms, std::size_t begin, std::size_t end);
  void acknowledge(std::uint64_t now_ms);
  void send(std::uint64_t now_ms, Packet packet);
  void open_window();
  [[nodiscard]] std::size_t segments_out() const;
  [[nodiscard]] std::size_t segment_room() const;

  // client_timers.cc: round trips, timeouts, probes
  void timeout(std::uint64_t now_ms);
  void probe(std::uint64_t now_ms);
  void rearm(std::uint64_t now_ms);
  void schedule_probe(std::uint64_t now_ms, std::uint64_t since_ms);
  void measure(std::uint64_t round_trip_ms);
  void recover(std::uint64_t now_ms);
  void forget_acknowledged(std::uint64_t now_ms, const Packet& packet);
  [[nodiscard]] bool outstanding() const { return acked_ < sent_ || (fin_sent_ && !fin_acked_); }
  // How long ago what this echoes was sent.
  [[nodiscard]] std::uint64_t age(std::uint64_t now_ms, const tcp::Timestamps& timestamps) const {
    return static_cast<std::uint32_t>(now_ms) + settings_.clock - timestamps.echo;
  }
  [[nodiscard]] tcp::SeqNum place(std::size_t at) const { return isn_ + 1 + static_cast<std::uint32_t>(at); }
  [[nodiscard]] tcp::SeqNum next_sent() const { return place(sent_) + (fin_sent_ ? 1u : 0u); }
  [[nodiscard]] tcp::SeqNum expected() const {
    return server_isn_ + 1 + static_cast<std::uint32_t>(received_.size()) + (server_fin_ ? 1u : 0u);
  }

  ClientSettings settings_;
  Bytes stream_;
  std::vector<Write> writes_;
  AnswerReader& reader_;
  Network& network_;
  void (*note_)(void*, std::uint64_t, const Packet&, bool) = nullptr;
  void* whose_ = nullptr;

  State state_ = State::syn_sent;
  tcp::SeqNum isn_;
  tcp::SeqNum server_isn_;
  // Places in our stream.
  std::size_t written_ = 0;
  std::size_t sent_ = 0;
  std::size_t acked_ = 0;
  std::size_t small_end_ = 0;           // of the last segment sent that was not full (Minshall's Nagle)
  std::size_t lost_until_ = 0;          // in flight when the timer fired
  std::size_t congestion_window_ = 10;  // segments
  std::vector<Buffer> buffers_;
  std::uint16_t server_window_ = 0;
  unsigned duplicates_ = 0;
  bool new_data_first_ = false;  // F-RTO: behind the first ACK after a timeout (RFC 5682 section 2.1)
  std::size_t probed_until_ = 0;
  std::size_t window_before_ = 0;  // the timeout
  bool fin_wanted_ = false;
  bool fin_sent_ = false;
  bool fin_acked_ = false;
  std::size_t next_write_ = 0;

  // Places in the server's stream.
  ByteString received_;
  std::size_t consumed_ = 0;     // by the application
  std::size_t window_edge_ = 0;  // up to here the server was told that it may send
  struct Held {
    ByteString bytes;
    bool fin = false;  // behind them
  };
  std::map<std::size_t, Held> out_of_order_;
  bool server_fin_ = false;
  bool sack_ = false;    // agreed upon
  bool scales_ = false;  // likewise
  SackList order_;
  unsigned unacknowledged_ = 0;  // segments
  std::size_t told_ = 0;         // place of the last ACK
  std::size_t full_ = 536;       // a full segment of the server, as far as seen
  unsigned quick_ = kQuickAcks;  // segments still to be acknowledged at once
  bool ping_pong_ = false;       // the application talks in turns: acknowledgements go with what it sends
  bool pushed_ = false;          // a small segment waits for its ACK
  unsigned gap_acks_ = 0;        // for the gap of the moment
  std::uint64_t data_at_ = 0;    // when data came last
  std::uint32_t ts_recent_ = 0;
  tcp::SeqNum last_ack_sent_;

  std::uint64_t timeout_ms_ = 1000;
  std::uint64_t smoothed_x8_ = 0;   // round trip; 0: not measured yet
  std::uint64_t deviation_x4_ = 0;  // of it
  bool syn_repeated_ = false;
  std::uint64_t timeout_at_ = kNever;
  std::uint64_t probe_at_ = kNever;
  std::uint64_t ack_at_ = kNever;
  std::uint64_t write_at_ = kNever;
  std::uint64_t read_at_ = kNever;
  std::uint64_t keepalive_at_ = kNever;
  std::uint64_t odd_ack_ms_ = 0;  // when an unacceptable empty segment was answered last
  unsigned timeouts_ = 0;
  bool was_reset_ = false;
  std::string complaint_;
};

}  // namespace gl::sim
