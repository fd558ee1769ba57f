// What one core tells of the messages that it receives and sends, for dnstap: copies of them in a ring, which a thread
// beside the main core empties.
// Units: cycles of the CPU's time stamp counter. Byte order: messages and flows as on the wire. Ownership: owns the
// ring. Thread: one core writes; one other thread reads next() and done(); counters from any. Errors: what finds no
// room is counted, and lost. Nothing here allocates but the constructor. Source: dnstap.info, dnstap.proto.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>

#include "lib/base/bytes.h"
#include "lib/base/counter.h"
#include "lib/base/cycles.h"
#include "lib/base/endian.h"
#include "lib/base/recent_requests.h"
#include "lib/base/spsc_bytes.h"

namespace gl::dns {

// The numbers are dnstap's.
enum class TapType : std::uint8_t {
  auth_query = 1,
  auth_response = 2,
  client_query = 5,
  client_response = 6,
  forwarder_query = 7,
  forwarder_response = 8,
};
enum class TapTransport : std::uint8_t { udp, tcp };

// In the ring in front of each message.
struct TapRecord {
  static constexpr std::size_t kMaxFlow = 36;
  std::uint64_t cycles = 0;        // when it was received or sent
  std::uint64_t query_cycles = 0;  // of a response: when its query was; 0: not known
  TapType type = TapType::auth_query;
  TapTransport transport = TapTransport::udp;
  std::uint8_t flow_length = 0;  // 12 or 36; 0: not known
  // Who asked, who was asked, and the ports of both, as RequestContext::flow has them.
  std::array<std::uint8_t, kMaxFlow> flow;
};

// A flow of UDP or TCP from its parts, for a TapRecord.
class TapFlow {
 public:
  // Of one family, 4 or 16 bytes; anything else is no flow.
  TapFlow(Bytes from, Bytes to, std::uint16_t from_port, std::uint16_t to_port) noexcept {
    if (from.size() != to.size() || (from.size() != 4 && from.size() != 16)) return;
    std::copy(to.begin(), to.end(), std::copy(from.begin(), from.end(), bytes_.begin()));
    store_be(bytes_.data() + 2 * from.size(), from_port);
    store_be(bytes_.data() + 2 * from.size() + 2, to_port);
    length_ = 2 * from.size() + 4;
  }
  [[nodiscard]] Bytes bytes() const noexcept { return {bytes_.data(), length_}; }

 private:
  std::array<std::uint8_t, TapRecord::kMaxFlow> bytes_;
  std::size_t length_ = 0;
};

class Tap {
 public:
  static constexpr std::size_t kRingBytes = std::size_t{8} << 20;

  // Of the queries of each kind one in `sample` is told, with its response.
  explicit Tap(std::uint32_t sample, std::size_t ring_bytes = kRingBytes) : sample_(sample), ring_(ring_bytes) {}

  // ---- The core's end.
  // Whether this query is one to be told.
  [[nodiscard]] bool takes() noexcept {
    if (++untold_ < sample_) return false;
    untold_ = 0;
    return true;
  }
  struct Message {
    TapType type;
    TapTransport transport;
    Bytes flow;
    Bytes bytes;
    std::uint64_t cycles = 0;        // 0: now
    std::uint64_t query_cycles = 0;  // as TapRecord's
  };
  // Returns the time that it was told with.
  std::uint64_t tell(const Message& message) noexcept;
  // DNS messages each behind its length of two bytes, as they are on a connection.
  void tell_framed(Message message, Bytes stream) noexcept;

  // A query that was answered at once, or not at all; whether it is one to be told is found out here.
  struct Exchange {
    TapTransport transport;
    Bytes flow;
    Bytes query;
    Bytes response;  // empty: none
  };
  void exchange(const Exchange& exchange) noexcept;
  // The same over a stream, where `position` names the query: it is told once.
  void exchange(const Exchange& exchange, std::uint32_t position) noexcept {
    if (recent_.find(exchange.flow, position).is_new) this->exchange(exchange);
  }

  // A query that may have to wait for its answer: it comes again with the same flow and position.
  struct Waiting {
    enum class State : std::uint8_t { unseen, told, passed_over, answered };
    State state = State::unseen;
    std::uint64_t cycles = 0;
  };
  void client_query(TapTransport transport, Bytes flow, std::uint32_t position, Bytes query) noexcept;
  // Its answer; over a connection a transfer is several messages (`framed`: each behind its length).
  void client_response(TapTransport transport, Bytes flow, std::uint32_t position, Bytes response,
                       bool framed) noexcept;

  // ---- The reading thread's end: the oldest record and its message, empty where there is none; valid until done().
  [[nodiscard]] Bytes next(TapRecord& record) noexcept {
    const Bytes entry = ring_.front();
    if (entry.empty()) return {};
    std::memcpy(&record, entry.data(), sizeof record);
    return entry.subspan(sizeof record);
  }
  void done() noexcept { ring_.pop(); }

  // ---- Any thread.
  [[nodiscard]] std::uint64_t told() const noexcept { return told_.value(); }
  [[nodiscard]] std::uint64_t dropped() const noexcept { return dropped_.value(); }

 private:
  // Shorter ones are no DNS messages, and dnstap has no type for a message of QR=1 that was sent to a server.
  [[nodiscard]] static bool is_query(Bytes message) noexcept {
    return message.size() >= 12 && (message[2] & 0x80) == 0;
  }

  const std::uint32_t sample_;
  std::uint32_t untold_ = 0;
  Counter told_;
  Counter dropped_;
  SpscBytes ring_;
  RecentRequests<Waiting> recent_;
};

inline std::uint64_t Tap::tell(const Message& message) noexcept {
  TapRecord record;
  record.cycles = message.cycles != 0 ? message.cycles : cycle_count();
  const MutableBytes room =
      message.bytes.empty() ? MutableBytes{} : ring_.reserve(sizeof record + message.bytes.size());
  if (room.empty()) return dropped_.add(), record.cycles;
  record.query_cycles = message.query_cycles;
  record.type = message.type;
  record.transport = message.transport;
  record.flow_length = static_cast<std::uint8_t>(std::min(message.flow.size(), TapRecord::kMaxFlow));
  record.flow = {};
  std::copy_n(message.flow.begin(), record.flow_length, record.flow.begin());
  std::memcpy(room.data(), &record, sizeof record);
  std::memcpy(room.data() + sizeof record, message.bytes.data(), message.bytes.size());
  ring_.commit();
  told_.add();
  return record.cycles;
}

inline void Tap::tell_framed(Message message, Bytes stream) noexcept {
  while (stream.size() > 2) {
    const std::size_t length = load_be<std::uint16_t>(stream.data());
    message.bytes = stream.subspan(2, std::min(length, stream.size() - 2));
    (void)tell(message);
    stream = stream.subspan(2 + message.bytes.size());
  }
}

inline void Tap::exchange(const Exchange& exchange) noexcept {
  if (!is_query(exchange.query) || !takes()) return;
  const std::uint64_t cycles = tell(
      {.type = TapType::auth_query, .transport = exchange.transport, .flow = exchange.flow, .bytes = exchange.query});
  if (exchange.response.empty()) return;
  (void)tell({.type = TapType::auth_response,
              .transport = exchange.transport,
              .flow = exchange.flow,
              .bytes = exchange.response,
              .cycles = cycles,
              .query_cycles = cycles});
}

inline void Tap::client_query(TapTransport transport, Bytes flow, std::uint32_t position, Bytes query) noexcept {
  Waiting& waiting = recent_.find(flow, position).entry.value;
  if (waiting.state != Waiting::State::unseen || !is_query(query)) return;
  waiting.state = takes() ? Waiting::State::told : Waiting::State::passed_over;
  if (waiting.state != Waiting::State::told) return;
  waiting.cycles = tell({.type = TapType::client_query, .transport = transport, .flow = flow, .bytes = query});
}

inline void Tap::client_response(TapTransport transport, Bytes flow, std::uint32_t position, Bytes response,
                                 bool framed) noexcept {
  const auto found = recent_.find(flow, position);
  Waiting& waiting = found.entry.value;
  if (waiting.state == Waiting::State::told && !response.empty()) {
    const Message message{.type = TapType::client_response,
                          .transport = transport,
                          .flow = flow,
                          .bytes = response,
                          .query_cycles = waiting.cycles};
    framed ? tell_framed(message, response) : (void)tell(message);
  }
  // A datagram with the same ID is another query; over a connection it is the same one again.
  if (transport == TapTransport::udp) {
    found.entry = {};
  } else {
    waiting.state = Waiting::State::answered;
  }
}

}  // namespace gl::dns
