// A frame whose answer is not there yet: it waits with whom the ticket names, and is run through the stages again.
// Byte order: wire. Ownership: a copy is taken. Thread: that core only. Outcomes: verdict.h.
#pragma once

#include "lib/datapath/frame.h"
#include "lib/datapath/interface.h"
#include "lib/service/suspender.h"

namespace gl::datapath {

// True: it waits. False: this request waits already, or with nobody: it comes again by itself.
[[nodiscard]] inline bool suspend(const Frame& frame, const Interface& interface, const Ticket& ticket) noexcept {
  if (ticket.keeper == nullptr) return false;
  Suspended what;
  what.frame = {frame.data, frame.length};
  what.port = interface.index;
  return ticket.keeper->suspend(what, ticket) == Suspender::Suspend::suspended;
}

// The bytes of `suspended` are at frame.data already.
inline void resume_frame(Frame& frame, const Suspended& suspended) noexcept {
  frame.length = suspended.frame.size();
  frame.ipv4_checksum_good = frame.l4_checksum_good = true;  // they were looked at when it came
  frame.resumed = true;
}

}  // namespace gl::datapath
