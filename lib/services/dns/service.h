// What the DNS services share: the framing, and how a datagram is answered.
// Byte order: wire. Thread: one instance a core. Sources: RFC 1035 section 4.2, RFC 7766 section 8.
#pragma once

#include "lib/dns/tcp_framing.h"
#include "lib/service/datagram_service.h"
#include "lib/service/service.h"
#include "lib/service/stream_service.h"

namespace gl::services {

class DnsService : public StreamService, public DatagramService, public Service {
 public:
  [[nodiscard]] std::string_view name() const noexcept override { return "dns"; }
  [[nodiscard]] Framed next_request(Bytes stream, bool prefix_consumed) const noexcept override {
    return dns::next_message(stream, prefix_consumed);
  }
  [[nodiscard]] bool takes_time() const noexcept override { return waits(); }
  [[nodiscard]] bool has_idempotent_requests() const noexcept override { return true; }
  // UPDATE and NOTIFY change something (RFC 2136, RFC 1996); a question does not.
  [[nodiscard]] bool is_idempotent(Bytes request) const noexcept override {
    return request.size() < dns::kHeaderSize ||
           dns::opcode_of(load_be<std::uint16_t>(request.data() + 2)) == dns::Opcode::query;
  }

 protected:
  // `max_udp`: bytes of payload that a datagram of ours has at most.
  DnsService(std::size_t max_udp, bool waits) noexcept
      : StreamService(dns::kPrefixSize),
        DatagramService({.fixed = std::max<std::size_t>(max_udp, dns::kMinUdpPayload)}, waits) {}

  // One datagram in, at most one out: what `service.answer_datagram()` writes.
  template <class S>
  static void receive_by(S& service, const Datagram& datagram, DatagramSink& sink) noexcept {
    const Answer answer =
        service.answer_datagram(datagram.payload, sink.room(), {.flow = datagram.flow, .resumed = datagram.resumed});
    if (answer.kind == Answer::Kind::pending) sink.wait(answer.ticket);
    if (answer.kind == Answer::Kind::answered) (void)sink.send(datagram.local_port, answer.length);
  }
};

}  // namespace gl::services
