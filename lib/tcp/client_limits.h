// How much a network of clients may draw over TCP: SYN-ACKs, and answers, each so many a second (lib/service/
// prefix_limiter.h). What is above goes unanswered, and comes again by the client's timer.
// Units: milliseconds of a monotonic clock. Ownership: owns the counts, made once. Thread: one core's own. Errors: by
// outcome.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>

#include "lib/service/prefix_limiter.h"
#include "lib/tcp/cookie.h"
#include "lib/tcp/outcome.h"
#include "lib/tcp/responder.h"
#include "lib/tcp/segment.h"

namespace gl::tcp {

class ClientLimits {
 public:
  // Null where neither is limited. `settings` outlives it.
  [[nodiscard]] static std::unique_ptr<ClientLimits> create(const ResponderSettings& settings);

  void set_time(std::uint64_t now_ms) noexcept;
  // Why the segment, of a port with a service, gets no answer; nothing: it may have one.
  [[nodiscard]] std::optional<Outcome> refuse(const Segment& segment, const CookieKeys& keys) noexcept;
  // It ended so, with so many queries answered.
  void charge(const Segment& segment, Outcome outcome, unsigned queries) noexcept;

 private:
  explicit ClientLimits(const ResponderSettings& settings);

  const ResponderSettings& settings_;
  std::unique_ptr<PrefixLimiter> syns_;     // null: no limit
  std::unique_ptr<PrefixLimiter> answers_;  // likewise
};

}  // namespace gl::tcp
