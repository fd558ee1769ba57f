// Requests that a conventional HTTP server behind us answers (RFC 9110 section 3.7: a gateway), on one core: asked
// once, however often the client repeats them, and remembered so that whoever has begun to read an answer gets the rest
// of it. Units: bytes, microseconds. Ownership: owns its answers and the frames that wait, shares the jobs with the
// client. Thread: one instance a core, that core only. Errors: by value. Nothing in it grows after it was made.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "lib/backend/answer_store.h"
#include "lib/backend/flow_tag.h"
#include "lib/backend/waiters.h"
#include "lib/base/counter.h"
#include "lib/service/suspender.h"
#include "lib/services/http/gateway_job.h"

namespace gl::http {

// Every name is a counter of each core.
#define GL_HTTP_GATEWAY_COUNTERS(X)                                                    \
  X(asked, "requests handed to servers behind")                                        \
  X(relayed, "of them, answered by the server")                                        \
  X(bad_gateway, "of them, 502: no connection, or no proper response")                 \
  X(gateway_timeout, "of them, 504: no whole response in time")                        \
  X(response_too_long, "of them, 502: a response that is longer than one may be here") \
  X(deferred, "requests left to come again: too many are on their way")

class Gateway final : public Suspender {
 public:
  // `store_bytes`: for answers, a MiB at least.
  // `origins`: how many servers there are.
  Gateway(std::size_t store_bytes, std::size_t origins);

  // Before the first request, by the main core: what its client takes part in.
  [[nodiscard]] const std::shared_ptr<GatewayJobs>& jobs() const noexcept { return jobs_; }

  struct Reply {
    std::uint16_t status = 0;
    std::uint64_t body = 0;    // bytes
    std::uint64_t length = 0;  // bytes, head included
    std::uint64_t at = 0;      // for read()
  };
  struct Result {
    enum class Kind : std::uint8_t {
      answered,      // `reply`
      pending,       // the frame that asks is to be suspended with `ticket`
      unrepeatable,  // a continuation whose beginning is no longer known
    };
    Kind kind = Kind::pending;
    Reply reply{};
    Ticket ticket{};
  };
  // `request`: one that parse_request() takes. `waits`: whether its frame is to be suspended.
  [[nodiscard]] Result ask(Bytes request, unsigned origin, const RequestContext& context, bool waits) noexcept;
  // The answer's bytes from `offset` on; how many that were. 0: they are no longer there.
  [[nodiscard]] std::size_t read(std::uint64_t at, std::uint64_t offset, MutableBytes out) const noexcept;

  [[nodiscard]] bool has_waiting(Bytes flow) const noexcept {
    return waiters_.find(tagger_.tag(flow, 0)) != backend::Waiters::kNone;
  }

  [[nodiscard]] Suspend suspend(const Suspended& what, const Ticket& ticket) noexcept override;
  [[nodiscard]] const Suspended* resume() noexcept override { return waiters_.resume(); }
  void release() noexcept override { waiters_.release_resumed(); }
  void tick(std::uint64_t now_us) noexcept override;

  template <class Reader>
  void read_counters(Reader& reader) const {
#define X(name, help) reader.read(#name, name##_.value(), help);
    GL_HTTP_GATEWAY_COUNTERS(X)
#undef X
  }

 private:
  using Name = backend::QuestionKey;
  // What the core knows of a job while it is under way.
  struct Pending {
    bool busy = false;
    unsigned origin = 0;
    std::uint64_t flow = 0;  // its tag
    std::uint16_t generation = 0;
    Name name{};
    backend::WaiterChain waiters{};
  };
  // In front of an answer's bytes in the store.
  struct Prefix {
    std::uint32_t body = 0;
    std::uint16_t status = 0;
    std::uint16_t unused = 0;
  };
  static constexpr std::size_t kOfOneFlow = 8;  // requests of one connection that are on their way at once
  static constexpr std::size_t kWaiting = 2 * GatewayJobs::kJobs;
  static constexpr std::size_t kLongestFrame = 9728;  // a longer one comes again by itself

  [[nodiscard]] Name name_of(Bytes request, const RequestContext& context) const noexcept;
  [[nodiscard]] Reply reply_at(std::uint64_t at) const noexcept;
  // The job that asks it already, or a new one; kJobs: there is none.
  [[nodiscard]] unsigned find_or_begin(const Name& name, Bytes request, unsigned origin, Bytes flow) noexcept;
  [[nodiscard]] bool may_begin(unsigned origin, std::uint64_t flow_tag) const noexcept;
  void finish(GatewayJob& job) noexcept;
  void count(const GatewayJob& job) noexcept;

  const std::shared_ptr<GatewayJobs> jobs_;
  const std::size_t most_of_one_origin_;
  std::vector<Pending> pending_;
  backend::FlowTagger tagger_;
  backend::AnswerStore store_;
  backend::Waiters waiters_;
  std::uint64_t now_ms_ = 0;
#define X(name, help) Counter name##_;
  GL_HTTP_GATEWAY_COUNTERS(X)
#undef X
};

}  // namespace gl::http
