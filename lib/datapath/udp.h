// Stage 3: UDP (RFC 768, RFC 8200 section 8.1), and the service's answer rendered straight into the reply's place.
// Byte order: wire. Ownership: the reply is written over the request. Thread: that core only. Outcomes: verdict.h.
#pragma once

#include <algorithm>
#include <cstring>

#include "lib/datapath/reply.h"
#include "lib/datapath/services.h"
#include "lib/datapath/verdict.h"
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
  turn_around(frame, packet, interface, wire::IpProtocol::udp, l4_length);
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

// `scratch` holds the request while the answer is written over it.
[[nodiscard]] inline Verdict udp(Frame& frame, const Packet& packet, const Interface& interface,
                                 const ServiceTable& services, MutableBytes scratch) noexcept {
  if (packet.payload.size() < sizeof(wire::UdpHeader)) return Verdict::drop_udp_length;
  const auto header = *reinterpret_cast<const wire::UdpHeader*>(packet.payload.data());
  const std::size_t length = header.length.host();
  if (length < sizeof header || length > packet.payload.size()) return Verdict::drop_udp_length;
  if (!udp_checksum_acceptable(frame, packet, header.checksum, length)) return Verdict::drop_udp_checksum;
  if (header.source_port == Be16(0)) return Verdict::drop_udp_source_port;
  Service* const service = services.find(header.destination_port.host());
  if (service == nullptr) return Verdict::drop_udp_closed;

  const std::size_t request_length = length - sizeof header;
  const std::size_t at = packet.reply_l4_offset() + sizeof header;
  const std::size_t end = std::min(frame.capacity, packet.l2_length + interface.mtu);
  if (request_length > scratch.size() || at > end) return Verdict::drop_udp_length;
  std::memcpy(scratch.data(), packet.payload.data() + sizeof header, request_length);
  const Reply reply = service->answer_datagram(scratch.first(request_length), {frame.data + at, end - at}, {});
  if (reply.kind != Reply::Kind::answered) return Verdict::drop_udp_silent;
  write_udp(frame, packet, interface, header.source_port, header.destination_port, reply.length);
  return Verdict::udp_reply;
}

}  // namespace gl::datapath
