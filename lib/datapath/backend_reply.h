// Stage 4: a datagram to a port of ours that no service has: perhaps the reply of a name server behind us.
// Byte order: wire. Ownership: the forwarder copies what it keeps. Thread: that core only. Outcomes: verdict.h.
#pragma once

#include "lib/backend/forwarder.h"
#include "lib/datapath/frame.h"
#include "lib/datapath/interface.h"
#include "lib/datapath/sink.h"
#include "lib/datapath/verdict.h"
#include "lib/wire/udp.h"

namespace gl::datapath {

// The core's forwarder, and which core this is.
struct Upstream {
  backend::Forwarder* forwarder = nullptr;  // null: nothing is forwarded
  unsigned core = 0;
};

// `header` and `payload` have been checked for length and checksum.
template <ReplySink Sink>
[[nodiscard]] Verdict backend_reply(const Packet& packet, const Interface& interface, const wire::UdpHeader& header,
                                    Bytes payload, const Upstream& upstream, Sink& sink) noexcept {
  const std::uint16_t our_port = header.destination_port.host();
  if (interface.reply_cores != 0) {
    const unsigned owner = our_port % interface.reply_cores;
    if (owner != upstream.core) {
      return sink.hand_over(owner) ? Verdict::backend_handed_over : Verdict::drop_handover_full;
    }
  }
  using End = backend::Forwarder::ReplyEnd;
  const Bytes source(packet.source, packet.v6 ? 16 : 4);
  switch (upstream.forwarder->take_reply(payload, source, header.source_port.host(), our_port)) {
    case End::taken:
      return Verdict::backend_reply_taken;
    case End::late:
      return Verdict::drop_backend_late;
    case End::wrong:
      return Verdict::drop_backend_wrong;
    case End::malformed:
      return Verdict::drop_backend_malformed;
  }
  return Verdict::drop_backend_malformed;
}

}  // namespace gl::datapath
