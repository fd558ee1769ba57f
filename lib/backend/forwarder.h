// Forwarding on one core: questions go to the backends by UDP, replies come back, whoever waited is told. It owns
// the core's pending slots, its store of answers and the frames that wait; nothing in it grows after it was made.
// Units: milliseconds of a monotonic clock unless named otherwise. Byte order: ports host, messages as on the wire.
// Ownership: borrows settings, link and TCP jobs. Thread: one instance a core, that core only. Errors: by value; every
// end has a counter. It knows no DPDK.
#pragma once

#include <array>
#include <cstdint>
#include <memory>

#include "lib/backend/backend_tx.h"
#include "lib/backend/client_query.h"
#include "lib/backend/counters.h"
#include "lib/backend/operator_state.h"
#include "lib/backend/reply.h"
#include "lib/backend/settings.h"
#include "lib/backend/tcp_jobs.h"
#include "lib/base/bytes.h"
#include "lib/dns/tap.h"
#include "lib/service/request.h"
#include "lib/service/suspender.h"

namespace gl::backend {

// What became of a request.
struct QueryResult {
  enum class Kind : std::uint8_t {
    answered,      // `reply`, `age_s`
    pending,       // the frame that asks is to be suspended with `ticket`
    failed,        // SERVFAIL, for this reason (an extended error, RFC 8914)
    unrepeatable,  // a continuation whose beginning is no longer known
    over_tcp,      // by datagram only: TC, the client is to come over TCP
  };
  Kind kind = Kind::pending;
  KeptReply reply{};  // valid until the next call
  std::uint32_t age_s = 0;
  std::uint16_t info = 0xffff;
  Ticket ticket{};  // with `pending`: for suspend()
};

class Forwarder final : public Suspender {
 public:
  // `jobs` may be null: nothing goes over TCP. `frame_bytes`: the longest frame that may be suspended. `wishes` is
  // borrowed.
  Forwarder(const ForwardSettings& settings, BackendTx& tx, TcpJobs* jobs, std::size_t frame_bytes,
            const OperatorState& wishes = kNoOperator);
  ~Forwarder();

  // Before the core runs: whom to tell what is sent and received; null: nobody.
  void tap_to(dns::Tap* tap) noexcept;

  // Time-outs, retries, health checks, TCP jobs that came back.
  void tick(std::uint64_t now_us) noexcept override;

  // ---- Clients: called by the service.
  [[nodiscard]] QueryResult ask(const ClientQuery& query, unsigned pool, bool stream,
                                const RequestContext& context) noexcept;
  // The same without a wish to wait: begins what ask() would begin.
  void prepare(const ClientQuery& query, unsigned pool, const RequestContext& context) noexcept;

  // ---- Frames that wait: called by the stages right after a service said `pending`.
  // There is always room: ask() has failed otherwise.
  [[nodiscard]] Suspend suspend(const Suspended& what, const Ticket& ticket) noexcept override;
  // Whether a frame of this TCP flow waits.
  [[nodiscard]] bool waits(Bytes flow) const noexcept;
  [[nodiscard]] const Suspended* resume() noexcept override;
  void release() noexcept override;

  // ---- Replies: a datagram to a port from which this core may have sent. The source is that of the datagram.
  enum class ReplyEnd : std::uint8_t { taken, late, wrong, malformed };
  [[nodiscard]] ReplyEnd take_reply(Bytes payload, Bytes source_address, std::uint16_t source_port,
                                    std::uint16_t our_port, ReplyForm form = ReplyForm::whole) noexcept;

  [[nodiscard]] const ForwardCounters& counters() const noexcept;
  [[nodiscard]] ForwardCounters& counters() noexcept;
  [[nodiscard]] const BackendCounters& counters(unsigned backend) const noexcept;
  [[nodiscard]] const ForwardSettings& settings() const noexcept;

 private:
  struct Work;
  std::unique_ptr<Work> work_;
};

}  // namespace gl::backend
