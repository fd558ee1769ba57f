// Clients over UDP, of DNS or another protocol: a datagram out, a datagram in, and an acknowledgement where there is
// one. Byte order: host but for the frames. Ownership: borrows the flight. Thread: the generator's core only.
#pragma once

#include <netinet/in.h>

#include "app/load/flight.h"
#include "app/load/templates.h"

namespace gl::load {

template <class Ip>
class UdpClients {
 public:
  UdpClients(Flight& flight, const Link& link);

  // A free slot begins its exchange.
  void start(Slot& s) noexcept {
    flight_.begin(s);
    s.state = State::asked;
    ask(s);
    if (!flight_.queries[s.query].answered) [[unlikely]]
      finish_unanswered(s);
  }
  // False where the frame is not for these clients; it then stays the caller's.
  [[nodiscard]] bool receive(rte_mbuf* m) noexcept;
  // The slot's deadline has passed.
  void expire(Slot& s) noexcept;

 private:
  void ask(Slot& s) noexcept;
  void finish_unanswered(Slot& s) noexcept;
  void acknowledge(const Slot& s, const Received& in) noexcept;
  // Whether the datagram answers what the slot asked.
  [[nodiscard]] bool absorb(const Slot& s, const Received& in) noexcept;

  Flight& flight_;
  std::uint32_t target_low_;
  Template<Ip> template_;
  Template<Ip> ack_template_;  // its target port is written each time
  Query ack_;
};

extern template class UdpClients<Ip4>;
extern template class UdpClients<Ip6>;

}  // namespace gl::load
