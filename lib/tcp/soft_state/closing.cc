// How much a connection may carry, and when our FIN has to go with an answer (docs/protocol.md, "Long connections").
#include <algorithm>

#include "lib/tcp/rules.h"

namespace gl::tcp {

void RuleContext::enter_long_flow(const Accepted& cookie, std::uint32_t end) noexcept {
  if (end < kLongFlowFrom) return;
  if (long_flow == nullptr) long_flow = long_flows.make(segment.flow, cookie.isn, cookie.ack_offset);
  if (long_flow == nullptr) return;
  long_flow->form = form();
  long_flows.answered(*long_flow, cookie.ack_offset);
  if (pipelines) pipelined(cookie);
}

void RuleContext::pipelined(const Accepted& cookie) noexcept {
  pipelines = true;
  if (long_flow == nullptr) return;
  long_flow->pipelines = true;
  long_flow->pipelined_at = std::max(long_flow->pipelined_at, cookie.ack_offset);
}

std::uint32_t RuleContext::room(const Accepted& cookie, std::uint32_t end) noexcept {
  enter_long_flow(cookie, end);
  const std::uint32_t last = long_flow != nullptr ? kLastLongOffset : kLastOffset;
  return last - std::min(last, end);
}

bool RuleContext::must_close(const Accepted& cookie, std::uint32_t end) noexcept {
  if (cookie.old_epoch && keys.draining) return true;
  enter_long_flow(cookie, end);
  if (end + kMaxRenderedAnswer <= kLastOffset) return false;
  const bool goes_on = long_flow != nullptr && long_flow->goes_on();
  return end + service.largest_answer() > (goes_on ? kLastLongOffset : kLastOffset);
}

// On another node too, whose clock is behind, and whose zones and long connections are others.
bool RuleContext::may_have_closed(const Accepted& cookie, std::uint32_t end) const noexcept {
  return cookie.old_epoch || service.may_close() || end + kMaxRenderedAnswer > kLastOffset;
}

}  // namespace gl::tcp
