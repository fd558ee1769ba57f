// DNS clients over TCP: SYN, (SYN-ACK), ACK, query, (answer), ACK, FIN, (FIN-ACK), ACK; and, for the rate of
// handshakes alone, SYN, (SYN-ACK). Each client keeps the state of a real one: sequence numbers are checked,
// segments in order are taken, what is not acknowledged is sent again.
// Byte order: host but for the frames. Ownership: borrows the flight. Thread: the generator's core only.
// Sources: RFC 9293 section 3, RFC 7323, RFC 7766.
#pragma once

#include "app/load/flight.h"
#include "app/load/templates.h"

namespace gl::load {

// What the clients read of one segment.
struct InSegment {
  std::uint32_t seq;
  std::uint32_t ack;
  std::uint32_t ts_value;
  std::uint8_t flags;
  const std::uint8_t* payload;
  std::size_t length;
};

template <class Ip, bool kTimestamps>
class TcpClients {
 public:
  TcpClients(Flight& flight, const Link& link);

  // A free slot begins its exchange.
  void start(Slot& s) noexcept;
  // An open connection that rests asks once more, or closes.
  void ask(Slot& s) noexcept;
  void close(Slot& s) noexcept;
  // False where the frame is not for these clients; it then stays the caller's.
  [[nodiscard]] bool receive(rte_mbuf* m) noexcept;
  // The slot's deadline has passed.
  void expire(Slot& s) noexcept;

 private:
  // What a segment makes its client do next.
  enum class Next : std::uint8_t {
    nothing,
    acknowledge,  // ACK
    establish,    // ACK, query
    ask,          // the next query; the ACK rides on it
    rest,         // ACK, and nothing until it is told to
    close,        // ACK, FIN
    close_back,   // the server closed first: the same two
    finish,       // last ACK, next exchange
    finished,     // next exchange
  };

  [[nodiscard]] Next absorb(Slot& s, const InSegment& in) noexcept;
  [[nodiscard]] Next absorb_syn_ack(Slot& s, const InSegment& in) noexcept;
  [[nodiscard]] Next absorb_answer(Slot& s, const InSegment& in, bool closed) noexcept;
  // Payload in order. Returns false where it cannot belong to the answer.
  [[nodiscard]] bool consume(Slot& s, const std::uint8_t* at, std::size_t length, bool& complete) noexcept;
  [[nodiscard]] bool consume_http(Slot& s, std::string_view bytes, bool& complete) noexcept;
  [[nodiscard]] Next end_with(std::uint64_t& counter) noexcept;
  void act(Slot& s, Next next) noexcept;

  void send(const Slot& s, const Template<Ip>& kind, std::uint32_t seq, std::size_t ts_at, const Query* query) noexcept;
  void send_syn(const Slot& s) noexcept;
  void send_ack(const Slot& s) noexcept;
  void send_query(Slot& s) noexcept;
  void send_fin(Slot& s, State next) noexcept;
  void again(Slot& s) noexcept;
  void finish(Slot& s) noexcept;

  Flight& flight_;
  std::uint32_t target_low_;
  Template<Ip> syn_;
  Template<Ip> ack_;
  Template<Ip> query_;
  Template<Ip> fin_;
};

extern template class TcpClients<Ip4, true>;
extern template class TcpClients<Ip4, false>;
extern template class TcpClients<Ip6, true>;
extern template class TcpClients<Ip6, false>;

}  // namespace gl::load
