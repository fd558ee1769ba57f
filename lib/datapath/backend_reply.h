// Stage 4: a datagram to a port of ours that no service has: perhaps the reply of a backend.
// Byte order: wire. Ownership: the forwarder copies what it keeps. Thread: that core only. Outcomes: verdict.h.
#pragma once

#include "lib/backend/forwarder.h"
#include "lib/datapath/frame.h"
#include "lib/datapath/reply_owners.h"
#include "lib/datapath/sink.h"
#include "lib/datapath/verdict.h"
#include "lib/wire/udp.h"

namespace gl::datapath {

// The core's forwarder, which core this is, and whose the replies are.
struct Upstream {
  backend::Forwarder* forwarder = nullptr;  // null: nothing is forwarded
  unsigned core = 0;
  const ReplyOwners* owners = nullptr;  // null: every reply is this core's
};

// Whether a datagram from there can be a reply to us at all.
[[nodiscard]] inline bool is_backend_port(const Upstream& upstream, const Packet& packet, std::uint16_t port) noexcept {
  return upstream.owners == nullptr || upstream.owners->is_backend(packet.source_address(), port);
}

// `header` and `payload` have been checked for length and checksum; of a packet that is cut short only the header was.
template <ReplySink Sink>
[[nodiscard]] Verdict backend_reply(const Packet& packet, const wire::UdpHeader& header, Bytes payload,
                                    const Upstream& upstream, Sink& sink) noexcept {
  const std::uint16_t our_port = header.destination_port.host();
  const Bytes source(packet.source, packet.v6 ? 16 : 4);
  if (upstream.owners != nullptr) {
    const unsigned owner = upstream.owners->owner(source, header.source_port.host(), our_port, upstream.core);
    if (owner != upstream.core) {
      return sink.hand_off(owner) ? Verdict::backend_handed_off : Verdict::drop_handoff_full;
    }
  }
  using End = backend::Forwarder::ReplyEnd;
  const auto form = packet.cut_short ? backend::ReplyForm::cut_short : backend::ReplyForm::whole;
  switch (upstream.forwarder->take_reply(payload, source, header.source_port.host(), our_port, form)) {
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
