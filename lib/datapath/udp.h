// Stage 3: UDP (RFC 768, RFC 8200 section 8.1), and the service's answer rendered straight into the reply's place. What
// comes to another port than a service's may be the reply of a backend.
// Byte order: wire. Ownership: the reply is written over the request. Thread: that core only. Outcomes: verdict.h.
#pragma once

#include <algorithm>
#include <cstring>

#include "lib/datapath/backend_reply.h"
#include "lib/datapath/reply.h"
#include "lib/datapath/services.h"
#include "lib/datapath/suspend.h"
#include "lib/datapath/verdict.h"
#include "lib/tcp/cookie.h"
#include "lib/wire/udp.h"

namespace gl::datapath {

// RFC 768: a sum of zero means that the sender did not compute one; RFC 8200 forbids that over IPv6.
[[nodiscard]] inline bool udp_checksum_acceptable(const Frame& frame, const Packet& packet, Be16 checksum,
                                                  std::size_t length) noexcept {
  if (checksum == Be16(0)) return !packet.v6;
  return frame.l4_checksum_good || l4_checksum_holds(packet, length);
}

inline void write_udp(Frame& frame, const Packet& packet, const Interface& interface, Be16 client_port,
                      Be16 server_port, std::size_t payload_length) noexcept {
  const std::size_t l4_length = sizeof(wire::UdpHeader) + payload_length;
  write_reply_headers(frame, packet, interface, wire::IpProtocol::udp, l4_length);
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

[[nodiscard]] inline Verdict finish_udp(Frame& frame, const Packet& packet, const Interface& interface,
                                        const wire::UdpHeader& header, const Reply& reply) noexcept {
  if (reply.kind != Reply::Kind::answered) return Verdict::drop_udp_silent;
  write_udp(frame, packet, interface, header.source_port, header.destination_port, reply.length);
  return Verdict::udp_reply;
}

// Both ends of the client's datagram, as services know a flow.
[[nodiscard]] inline tcp::FlowKey flow_of(const Packet& packet, const wire::UdpHeader& header) noexcept {
  return packet.v6 ? tcp::FlowKey::v6(packet.source, packet.destination, header.source_port, header.destination_port)
                   : tcp::FlowKey::v4(packet.source, packet.destination, header.source_port, header.destination_port);
}

// `scratch` holds the request while the answer is written over it.
template <ReplySink Sink>
[[nodiscard]] Verdict udp(Frame& frame, const Packet& packet, const Interface& interface, const ServiceTable& services,
                          const Upstream& upstream, MutableBytes scratch, Sink& sink) noexcept {
  if (packet.payload.size() < sizeof(wire::UdpHeader)) return Verdict::drop_udp_length;
  const auto header = *reinterpret_cast<const wire::UdpHeader*>(packet.payload.data());
  const std::size_t length = header.length.host();
  if (length < sizeof header || length > packet.payload.size()) return Verdict::drop_udp_length;
  if (!udp_checksum_acceptable(frame, packet, header.checksum, length)) return Verdict::drop_udp_checksum;
  if (header.source_port == Be16(0)) return Verdict::drop_udp_source_port;
  Service* const service = services.find(header.destination_port.host());
  const std::size_t request_length = length - sizeof header;
  if (service == nullptr) {
    if (upstream.forwarder == nullptr) return Verdict::drop_udp_closed;
    const Bytes payload = packet.payload.subspan(sizeof header, request_length);
    return backend_reply(packet, header, payload, upstream, sink);
  }

  const std::size_t at = packet.reply_l4_offset() + sizeof header;
  const std::size_t end = std::min(frame.capacity, packet.l2_length + interface.mtu);
  if (request_length > scratch.size() || at > end) return Verdict::drop_udp_length;
  std::memcpy(scratch.data(), packet.payload.data() + sizeof header, request_length);
  const MutableBytes request = scratch.first(request_length);
  if (!service->takes_time()) {
    const Reply reply = service->answer_datagram(request, {frame.data + at, end - at}, {});
    return finish_udp(frame, packet, interface, header, reply);
  }
  const tcp::FlowKey flow = flow_of(packet, header);
  const Reply reply = service->answer_datagram(request, {frame.data + at, end - at}, {.flow = flow.view()});
  if (reply.kind == Reply::Kind::pending && upstream.forwarder != nullptr) {
    const std::uint32_t id = request_length < 2 ? 0U : load_be<std::uint16_t>(request.data());
    return suspend(frame, interface, *upstream.forwarder, flow.view(), backend::Forwarder::kDatagram | id)
               ? Verdict::udp_suspended
               : Verdict::drop_udp_waiting;
  }
  return finish_udp(frame, packet, interface, header, reply);
}

}  // namespace gl::datapath
