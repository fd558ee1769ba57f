// Stage 3: ICMP echo (RFC 792, RFC 1122 section 3.2.2.6). One reply a request, never larger than it. What routers say
// of our segments goes on to too_big.h. Byte order: wire. Ownership: the reply is written over the request. Thread:
// pure function. Outcomes: verdict.h.
#pragma once

#include <cstring>

#include "lib/datapath/reply.h"
#include "lib/datapath/too_big.h"
#include "lib/datapath/verdict.h"
#include "lib/wire/icmp.h"

namespace gl::datapath {

// Moves the request's layer 4 to where the reply's begins (behind options or extension headers it lay further back),
// gives it the reply's type, and repairs the checksum for that one word (RFC 1624).
inline void reply_echo(Frame& frame, const Packet& packet, const Interface& interface, wire::IpProtocol protocol,
                       std::uint8_t reply_type) noexcept {
  std::uint8_t* const l4 = frame.data + packet.reply_l4_offset();
  if (packet.payload.data() != l4) std::memmove(l4, packet.payload.data(), packet.payload.size());
  auto& echo = *reinterpret_cast<wire::IcmpEcho*>(l4);
  const auto word = [&] { return Be16(static_cast<std::uint16_t>(echo.type << 8 | echo.code)); };
  const Be16 before = word();
  echo.type = reply_type;
  echo.checksum = wire::checksum_update(echo.checksum, before, word());
  write_reply_headers(frame, packet, interface, protocol, packet.payload.size());
}

template <ReplySink Sink>
[[nodiscard]] Verdict icmp(Frame& frame, const Packet& packet, const Interface& interface, const Registry& services,
                           tcp::Responder& responder, Sink& sink) noexcept {
  if (packet.payload.size() < sizeof(wire::IcmpEcho)) return Verdict::drop_icmp_malformed;
  const auto& echo = *reinterpret_cast<const wire::IcmpEcho*>(packet.payload.data());
  if (echo.type == static_cast<std::uint8_t>(wire::IcmpType::unreachable) &&
      echo.code == wire::kIcmpFragmentationNeeded) {
    if (!wire::checksum_holds(wire::sum_bytes(packet.payload))) return Verdict::drop_icmp_checksum;
    return too_big(packet, services, responder, sink);
  }
  if (echo.type != static_cast<std::uint8_t>(wire::IcmpType::echo_request)) return Verdict::drop_icmp_type;
  if (echo.code != 0) return Verdict::drop_icmp_malformed;
  if (!wire::checksum_holds(wire::sum_bytes(packet.payload))) return Verdict::drop_icmp_checksum;
  reply_echo(frame, packet, interface, wire::IpProtocol::icmp, static_cast<std::uint8_t>(wire::IcmpType::echo_reply));
  return Verdict::icmp_echo_reply;
}

}  // namespace gl::datapath
