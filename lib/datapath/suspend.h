// A frame whose answer is not there yet: it waits in the core's forwarder, and is run through the stages again.
// Byte order: wire. Ownership: the forwarder takes a copy. Thread: that core only. Outcomes: verdict.h.
#pragma once

#include "lib/backend/forwarder.h"
#include "lib/datapath/frame.h"
#include "lib/datapath/interface.h"

namespace gl::datapath {

namespace detail {
inline constexpr std::uint8_t kIpv4Good = 1;
inline constexpr std::uint8_t kLayer4Good = 2;
}  // namespace detail

// True: it waits. False: this request waits already.
[[nodiscard]] inline bool suspend(const Frame& frame, const Interface& interface, backend::Forwarder& forwarder,
                                  const Ticket& ticket) noexcept {
  backend::Suspended what;
  what.frame = {frame.data, frame.length};
  what.port = interface.index;
  what.checksums = static_cast<std::uint8_t>((frame.ipv4_checksum_good ? detail::kIpv4Good : 0) |
                                             (frame.l4_checksum_good ? detail::kLayer4Good : 0));
  return forwarder.suspend(what, ticket) == backend::Forwarder::Suspend::suspended;
}

// The bytes of `suspended` are at frame.data already.
inline void resume_frame(Frame& frame, const backend::Suspended& suspended) noexcept {
  frame.length = suspended.frame.size();
  frame.ipv4_checksum_good = (suspended.checksums & detail::kIpv4Good) != 0;
  frame.l4_checksum_good = (suspended.checksums & detail::kLayer4Good) != 0;
  frame.resumed = true;
}

}  // namespace gl::datapath
