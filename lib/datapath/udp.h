// Stage 3: UDP (RFC 768, RFC 8200 section 8.1), and the service's answer rendered straight into the reply's place. What
// comes to another port than a service's may be the reply of a backend.
// Byte order: wire. Ownership: the reply is written over the request. Thread: that core only. Outcomes: verdict.h.
#pragma once

#include <algorithm>
#include <array>
#include <cstring>
#include <optional>

#include "lib/datapath/backend_reply.h"
#include "lib/datapath/counters.h"
#include "lib/datapath/reply.h"
#include "lib/datapath/sink.h"
#include "lib/datapath/suspend.h"
#include "lib/datapath/verdict.h"
#include "lib/service/caller_ports.h"
#include "lib/service/registry.h"
#include "lib/tcp/cookie.h"
#include "lib/tcp/responder.h"
#include "lib/wire/udp.h"

namespace gl::datapath {

// RFC 768: a sum of zero means that the sender did not compute one; RFC 8200 forbids that over IPv6.
[[nodiscard]] inline bool udp_checksum_acceptable(const Frame& frame, const Packet& packet, Be16 checksum,
                                                  std::size_t length) noexcept {
  if (checksum == Be16(0)) return !packet.v6;
  return frame.l4_checksum_good || l4_checksum_holds(packet, length);
}

// The UDP header in front of a payload that is in place, behind an IP header that is.
[[gnu::always_inline]] inline void write_udp_header(Frame& frame, const Packet& packet, const Interface& interface,
                                                    Be16 client_port, Be16 server_port,
                                                    std::size_t payload_length) noexcept {
  const std::size_t l4_length = sizeof(wire::UdpHeader) + payload_length;
  std::uint8_t* const l4 = frame.data + packet.reply_l4_offset();
  auto& header = *reinterpret_cast<wire::UdpHeader*>(l4);
  const std::uint32_t ports = std::uint32_t{server_port.host()} << 16 | client_port.host();
  const auto length = static_cast<std::uint32_t>(l4_length) << 16;  // and a checksum of zero
  store_be(l4, ports);
  store_be(l4 + 4, length);
  const auto pseudo = pseudo_header(frame.data + packet.l2_length, packet.v6, wire::IpProtocol::udp, l4_length);
  if (interface.tx_udp_checksum) {
    header.checksum = wire::be16_from_raw(wire::fold(pseudo));
    frame.tx.layer4 = TxOffload::Layer4::udp;
    return;
  }
  const wire::PartialSum sum = pseudo + host_to_be(ports) + host_to_be(length);
  header.checksum = wire::checksum(wire::sum_bytes(l4 + sizeof header, payload_length, sum));
  if (header.checksum == Be16(0)) header.checksum = Be16(0xffff);  // RFC 768: zero is sent as all ones
}

// Over the request, whose headers are turned around.
inline void write_udp(Frame& frame, const Packet& packet, const Interface& interface, Be16 client_port,
                      Be16 server_port, std::size_t payload_length) noexcept {
  write_reply_headers(frame, packet, interface, wire::IpProtocol::udp, sizeof(wire::UdpHeader) + payload_length);
  write_udp_header(frame, packet, interface, client_port, server_port, payload_length);
}

// Behind headers that were copied from a reply to the same request.
inline void write_udp_again(Frame& frame, const Packet& packet, const Interface& interface, Be16 client_port,
                            Be16 server_port, std::size_t payload_length) noexcept {
  const std::size_t l4_length = sizeof(wire::UdpHeader) + payload_length;
  set_ip_length(frame.data + packet.l2_length, packet.v6, l4_length, interface);
  frame.length = packet.reply_l4_offset() + l4_length;
  write_udp_header(frame, packet, interface, client_port, server_port, payload_length);
}

// Both ends of the client's datagram, as services know a flow.
[[nodiscard]] inline tcp::FlowKey flow_of(const Packet& packet, const wire::UdpHeader& header) noexcept {
  return packet.v6 ? tcp::FlowKey::v6(packet.source, packet.destination, header.source_port, header.destination_port)
                   : tcp::FlowKey::v4(packet.source, packet.destination, header.source_port, header.destination_port);
}

// What a service sends in answer to one datagram: the first one over the received frame, when receive() is over or a
// second one is begun; further ones in buffers of their own.
template <ReplySink Sink>
class ReceivedDatagram final : public DatagramSink {
 public:
  using DatagramSink::ticket;
  using DatagramSink::waits;

  ReceivedDatagram(Frame& frame, const Packet& packet, const Interface& interface, const wire::UdpHeader& header,
                   MutableBytes first, std::uint16_t path_mtu, std::size_t allowance, CoreCounters& counters,
                   Sink& sink) noexcept
      : DatagramSink(first, allowance),
        frame_(frame),
        packet_(packet),
        interface_(interface),
        client_port_(header.source_port),
        path_mtu_(path_mtu),
        counters_(counters),
        sink_(sink) {}

  // Writes the first one, where one was sent; true where that is left to the caller to give to the sink.
  [[nodiscard]] bool finish() noexcept {
    if (!sent_one() || first_gone_) return false;
    write_udp(frame_, packet_, interface_, client_port_, Be16(first_port()), first_length());
    return true;
  }
  [[nodiscard]] bool answered() const noexcept { return sent_one(); }

 private:
  // The received frame goes out now; its headers stay.
  void send_first() noexcept {
    const bool written = finish();
    Further& further = further_.emplace();
    std::memcpy(further.headers.data(), frame_.data, packet_.reply_l4_offset());
    further.tx = frame_.tx;
    if (written) sink_.reply(frame_);
    first_gone_ = true;
  }
  [[nodiscard]] MutableBytes further_room() noexcept override {
    if (!first_gone_) send_first();
    if (!has_extra_ && !sink_.extra(further_->frame)) {
      counters_.no_buffer.add();
      return {};
    }
    has_extra_ = true;
    const std::size_t at = packet_.reply_l4_offset() + sizeof(wire::UdpHeader);
    const std::size_t end = std::min(further_->frame.capacity, packet_.l2_length + path_mtu_);
    return at > end ? MutableBytes{} : MutableBytes{further_->frame.data + at, end - at};
  }
  bool send_further(std::uint16_t from_port, std::size_t length) noexcept override {
    if (!has_extra_) return false;
    Frame& frame = further_->frame;
    std::memcpy(frame.data, further_->headers.data(), packet_.reply_l4_offset());
    frame.tx = further_->tx;
    write_udp_again(frame, packet_, interface_, client_port_, Be16(from_port), length);
    counters_.extra_segments.add();
    sink_.send_extra(frame);
    has_extra_ = false;
    return true;
  }
  bool refuse() noexcept override {
    counters_.refused_unverified.add();
    return false;
  }

  Frame& frame_;
  const Packet& packet_;
  const Interface& interface_;
  const Be16 client_port_;
  const std::uint16_t path_mtu_;
  CoreCounters& counters_;
  Sink& sink_;
  bool first_gone_ = false;
  bool has_extra_ = false;
  // What only a second datagram needs: not initialized before.
  struct Further {
    Frame frame;
    TxOffload tx;
    std::array<std::uint8_t, 18 + 40> headers;  // Ethernet with a VLAN tag, IPv6
  };
  std::optional<Further> further_;
};

// A backend's reply longer than a frame: nobody can check its sum, but its beginning says whose reply it is.
template <ReplySink Sink>
[[nodiscard, gnu::noinline, gnu::cold]] Verdict cut_short_reply(const Packet& packet, const wire::UdpHeader& header,
                                                                const Registry& services, const Upstream& upstream,
                                                                Sink& sink) noexcept {
  const bool reply = upstream.forwarder != nullptr && services.datagram(header.destination_port.host()) == nullptr;
  if (!reply || !packet.cut_short || header.length.host() <= packet.payload.size()) return Verdict::drop_udp_length;
  return backend_reply(packet, header, packet.payload.subspan(sizeof header), upstream, sink);
}

// `scratch` holds the request while the answer is written over it.
template <ReplySink Sink>
[[nodiscard]] Verdict udp(Frame& frame, const Packet& packet, const Interface& interface, const Registry& services,
                          const Upstream& upstream, const tcp::Responder& responder, MutableBytes scratch,
                          CoreCounters& counters, Sink& sink) noexcept {
  if (packet.payload.size() < sizeof(wire::UdpHeader)) return Verdict::drop_udp_length;
  const auto header = *reinterpret_cast<const wire::UdpHeader*>(packet.payload.data());
  const std::size_t length = header.length.host();
  if (length < sizeof header || length > packet.payload.size() || packet.cut_short) {
    return cut_short_reply(packet, header, services, upstream, sink);
  }
  if (!udp_checksum_acceptable(frame, packet, header.checksum, length)) return Verdict::drop_udp_checksum;
  if (header.source_port == Be16(0)) return Verdict::drop_udp_source_port;
  DatagramService* const service = services.datagram(header.destination_port.host());
  const std::size_t request_length = length - sizeof header;
  if (service == nullptr) {
    const bool other = interface.kernel && !is_backend_port(upstream, packet, header.source_port.host());
    if (upstream.forwarder == nullptr || other) return Verdict::drop_udp_closed;
    const Bytes payload = packet.payload.subspan(sizeof header, request_length);
    return backend_reply(packet, header, payload, upstream, sink);
  }
  if (is_small_service(header.source_port.host())) return Verdict::drop_udp_source_port;
  if (const unsigned owner = service->owner(header.destination_port.host(), upstream.core); owner != upstream.core) {
    return sink.hand_off(owner) ? Verdict::udp_handed_off : Verdict::drop_handoff_full;
  }

  const std::uint16_t path_mtu = std::min(interface.mtu, responder.path_mtu(packet.source_address()));
  const std::size_t at = packet.reply_l4_offset() + sizeof header;
  const std::size_t end = std::min(frame.capacity, packet.l2_length + path_mtu);
  if (request_length > scratch.size() || at > end) return Verdict::drop_udp_length;
  std::memcpy(scratch.data(), packet.payload.data() + sizeof header, request_length);
  Datagram datagram{.peer = packet.source,
                    .local = packet.destination,
                    .link = frame.data,
                    .address_length = static_cast<std::uint8_t>(packet.v6 ? 16 : 4),
                    .link_length = static_cast<std::uint8_t>(packet.l2_length),
                    .interface = interface.index,
                    .peer_port = header.source_port.host(),
                    .local_port = header.destination_port.host(),
                    .path_mtu = path_mtu,
                    .resumed = frame.resumed,
                    .payload = scratch.first(request_length)};
  tcp::FlowKey flow;
  if (service->waits()) {
    flow = flow_of(packet, header);
    datagram.flow = flow.view();
  }
  ReceivedDatagram<Sink> answers(frame, packet, interface, header, {frame.data + at, end - at}, path_mtu,
                                 service->allowance(request_length), counters, sink);
  service->receive(datagram, answers);
  if (answers.waits()) {
    return suspend(frame, interface, answers.ticket()) ? Verdict::udp_suspended : Verdict::drop_udp_waiting;
  }
  if (answers.finish()) sink.reply(frame);
  return answers.answered() ? Verdict::udp_reply : Verdict::drop_udp_silent;
}

}  // namespace gl::datapath
