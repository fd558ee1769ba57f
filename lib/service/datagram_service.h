// A service over UDP: datagrams come in, and none, one or several go out to whoever sent them, at once or later.
// Units: bytes, milliseconds. Byte order: ports host, addresses and payload as on the wire. Ownership: spans are
// borrowed for the call. Thread: one instance a core, that core only. Errors: by value; everything is noexcept, and
// nothing that is called here may allocate, lock, log or make a system call.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>

#include "lib/base/bytes.h"
#include "lib/service/request.h"

namespace gl {

// A datagram that was received. What it points to are views of the frame: those of headers end with the first datagram
// that is sent, the payload when receive() returns.
struct Datagram {
  const std::uint8_t* peer = nullptr;   // its address
  const std::uint8_t* local = nullptr;  // the address of ours that it came to
  const std::uint8_t* link = nullptr;   // its link header: the way back
  std::uint8_t address_length = 0;      // 4 or 16 bytes, of both
  std::uint8_t link_length = 0;         // bytes
  std::uint16_t interface = 0;          // that it came through
  std::uint16_t peer_port = 0;
  std::uint16_t local_port = 0;
  std::uint16_t path_mtu = 0;  // bytes of the longest IP packet that is known to reach the peer
  bool resumed = false;        // it waited, and has its bytes of then
  Bytes payload{};
  Bytes flow{};  // as RequestContext::flow; only for a service that waits()

  [[nodiscard]] Bytes peer_address() const noexcept { return {peer, address_length}; }
  [[nodiscard]] Bytes local_address() const noexcept { return {local, address_length}; }
};

// Whoever sent a datagram, to be kept: who that is, and the way back.
struct Peer {
  std::array<std::uint8_t, 16> address{};
  std::array<std::uint8_t, 16> local_address{};
  std::array<std::uint8_t, 18> link_header{};
  std::uint8_t address_length = 0;  // 4 or 16
  std::uint8_t link_header_length = 0;
  std::uint16_t port = 0;
  std::uint16_t local_port = 0;
  std::uint16_t interface = 0;

  Peer() = default;
  explicit Peer(const Datagram& d) noexcept
      : address_length(d.address_length),
        link_header_length(d.link_length),
        port(d.peer_port),
        local_port(d.local_port),
        interface(d.interface) {
    std::copy_n(d.peer, d.address_length, address.begin());
    std::copy_n(d.local, d.address_length, local_address.begin());
    std::copy_n(d.link, d.link_length, link_header.begin());
  }
  // The same host and port, asking the same address and port of ours.
  [[nodiscard]] bool sent(const Datagram& d) const noexcept {
    return d.peer_port == port && d.local_port == local_port && d.address_length == address_length &&
           std::equal(d.peer, d.peer + d.address_length, address.begin()) &&
           std::equal(d.local, d.local + d.address_length, local_address.begin());
  }
};

// Answers to one datagram, to its sender. Before the sender has shown that it is where it says, the datagrams together
// are no longer than the service's allowance: what spoofed senders may draw on others.
class DatagramSink {
 public:
  static constexpr std::size_t kUnlimited = std::numeric_limits<std::size_t>::max();

  DatagramSink(const DatagramSink&) = delete;
  DatagramSink& operator=(const DatagramSink&) = delete;

  // Where the payload of the next datagram is to be written; empty where none may be sent or no buffer is to be had.
  [[nodiscard]] MutableBytes room() noexcept {
    const MutableBytes room = sent_ == 0 ? first_ : further_room();
    return room.first(std::min(room.size(), allowance_));
  }
  // `length` bytes of what room() gave last, from this port of ours. False: more than the sender may draw; it is
  // counted.
  bool send(std::uint16_t from_port, std::size_t length) noexcept {
    if (length > allowance_) return refuse();
    if (allowance_ != kUnlimited) allowance_ -= length;
    if (sent_++ != 0) return send_further(from_port, length);
    first_port_ = from_port;
    first_length_ = length;
    return true;
  }
  // The answer is not there yet: the datagram waits, and is given again when it is. Nothing was sent.
  void wait(const Ticket& ticket) noexcept {
    waits_ = true;
    ticket_ = ticket;
  }
  // The sender has shown that it is where it says: it named something that only the receiver of our datagrams knows.
  void verified() noexcept { allowance_ = kUnlimited; }

 protected:
  DatagramSink(MutableBytes first, std::size_t allowance) noexcept : first_(first), allowance_(allowance) {}
  ~DatagramSink() = default;

  [[nodiscard]] bool waits() const noexcept { return waits_; }
  [[nodiscard]] const Ticket& ticket() const noexcept { return ticket_; }
  [[nodiscard]] bool sent_one() const noexcept { return sent_ != 0; }
  [[nodiscard]] std::uint16_t first_port() const noexcept { return first_port_; }
  [[nodiscard]] std::size_t first_length() const noexcept { return first_length_; }

 private:
  [[nodiscard]] virtual MutableBytes further_room() noexcept = 0;
  virtual bool send_further(std::uint16_t from_port, std::size_t length) noexcept = 0;
  virtual bool refuse() noexcept = 0;

  const MutableBytes first_;
  std::size_t allowance_;
  std::size_t first_length_ = 0;
  std::uint32_t sent_ = 0;
  std::uint16_t first_port_ = 0;
  bool waits_ = false;
  union {
    Ticket ticket_;  // where `waits_`
  };
};

// Datagrams that no received one draws: repetitions, time-outs.
class DatagramSender {
 public:
  DatagramSender(const DatagramSender&) = delete;
  DatagramSender& operator=(const DatagramSender&) = delete;
  // Where the payload of the next datagram to `peer` is to be written; empty where no buffer is to be had.
  [[nodiscard]] virtual MutableBytes room(const Peer& peer) noexcept = 0;
  // `length` bytes of what room() gave last for the same peer, from this port of ours.
  virtual void send(const Peer& peer, std::uint16_t from_port, std::size_t length) noexcept = 0;

 protected:
  DatagramSender() = default;
  ~DatagramSender() = default;
};

// Ports of which each core has every `cores`th: what comes to one of them is that core's, whichever received it.
struct SharedOutPorts {
  std::uint16_t first = 0;
  std::uint16_t last = 0;   // included
  std::uint16_t cores = 1;  // of which port % cores is the owner's number
};

// How many bytes of payload a datagram may draw before its sender is verified.
struct Allowance {
  std::size_t fixed = 0;
  std::size_t factor = 0;  // of the bytes received
};

class DatagramService {
 public:
  DatagramService(const DatagramService&) = delete;
  DatagramService& operator=(const DatagramService&) = delete;
  virtual ~DatagramService() = default;

  virtual void receive(const Datagram& datagram, DatagramSink& sink) noexcept = 0;
  // A router says that a datagram of this service, from `to.local_port` to `to`'s peer, was longer than `to.path_mtu`
  // (RFC 1191, RFC 8201). True where the service knows that it sent it: anyone can say so. Its payload is not given.
  [[nodiscard]] virtual bool too_big(const Datagram& to) noexcept {
    (void)to;
    return false;
  }

  // Whether a datagram may have to wait; its Datagram has `flow` then.
  [[nodiscard]] bool waits() const noexcept { return waits_; }
  [[nodiscard]] std::size_t allowance(std::size_t received) const noexcept {
    return allowance_.fixed + allowance_.factor * received;
  }
  // The core that a datagram to this port of ours belongs to; `receiver` has it.
  [[nodiscard]] unsigned owner(std::uint16_t port, unsigned receiver) const noexcept {
    const bool own = shared_out_.cores < 2 || port < shared_out_.first || port > shared_out_.last;
    return own ? receiver : port % shared_out_.cores;
  }
  [[nodiscard]] bool shares_ports_out() const noexcept { return shared_out_.cores > 1; }
  // Whether this port of ours is given to one peer at a time, and not one that anyone asks on.
  [[nodiscard]] bool lends(std::uint16_t port) const noexcept {
    return shared_out_.last != 0 && port >= shared_out_.first && port <= shared_out_.last;
  }

 protected:
  explicit DatagramService(Allowance allowance, bool waits = false, SharedOutPorts shared_out = {}) noexcept
      : allowance_(allowance), waits_(waits), shared_out_(shared_out) {}

 private:
  const Allowance allowance_;
  const bool waits_;
  const SharedOutPorts shared_out_;
};

}  // namespace gl
