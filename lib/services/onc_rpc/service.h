// rpcbind over UDP and over stateless TCP, on one core. It keeps nothing: an answer is a function of the call, so a
// call may be executed as often as it comes (at least once, RFC 5531 section 4). Units: bytes. Ownership: borrows
// Shared and the registry. Thread: one instance a core, that core only. Errors: ONC RPC's own; what is not answered is
// counted. Sources: RFC 5531, RFC 1833.
#pragma once

#include <atomic>
#include <cstdint>

#include "lib/base/counter.h"
#include "lib/service/datagram_service.h"
#include "lib/service/registry.h"
#include "lib/service/service.h"
#include "lib/service/stream_service.h"
#include "lib/services/onc_rpc/mappings.h"
#include "lib/services/onc_rpc/networks.h"
#include "lib/services/onc_rpc/rpcbind.h"

namespace gl::onc_rpc {

// Every name is a counter of each core.
#define GL_ONC_RPC_COUNTERS(X)                                                                     \
  X(calls, "calls of callers that may ask, those that were repeated included")                     \
  X(answered, "calls whose procedure was executed")                                                \
  X(rpc_mismatch, "calls of another version of RPC")                                               \
  X(auth_errors, "calls whose credential or verifier is too long, malformed or of another flavor") \
  X(prog_unavail, "calls of programs that are not there")                                          \
  X(prog_mismatch, "calls of versions that are not there")                                         \
  X(proc_unavail, "calls of procedures that are not there")                                        \
  X(garbage_args, "calls whose arguments cannot be read")                                          \
  X(drop_not_allowed, "calls of callers outside the networks that may ask")                        \
  X(drop_source_port, "datagrams from a port below 512, or one of our own services")               \
  X(drop_forward, "calls that would have been forwarded: CALLIT, BCAST, INDIRECT")                 \
  X(drop_not_a_call, "replies, and what is neither")                                               \
  X(drop_malformed, "messages that end in their header")                                           \
  X(drop_record, "TCP: fragments that are not the only one of their record, or too long")          \
  X(drop_amplification, "UDP: results that are more than three times the call")                    \
  X(drop_no_room, "replies that there was no room for")

class OncRpcService final : public Service, public DatagramService, public StreamService {
 public:
  // Written by the main core.
  struct Shared {
    AllowedNetworks allowed;             // before the cores start
    const Mappings* mappings = nullptr;  // likewise
    std::atomic<std::uint32_t> unix_time{0};
  };
  OncRpcService(const Shared& shared, const Registry& registry) noexcept
      : DatagramService(kAllowance), StreamService(kRecordMarkSize), shared_(shared), registry_(registry) {}

  [[nodiscard]] std::string_view name() const noexcept override { return "rpc"; }
  void begin_burst(std::uint64_t) noexcept override {}
  void read_counters(CounterReader& reader) const override;
  void receive(const Datagram& datagram, DatagramSink& sink) noexcept override;
  [[nodiscard]] Framed next_request(Bytes stream, bool prefix_consumed) const noexcept override;
  [[nodiscard]] Answer answer(Bytes request, MutableBytes buffer, const RequestContext& context) noexcept override;
  [[nodiscard]] bool has_idempotent_requests() const noexcept override { return true; }
  [[nodiscard]] std::size_t largest_answer() const noexcept override { return kRecordMarkSize + kMaxReply; }

 private:
  static constexpr std::size_t kFactor = 3;
  static constexpr Allowance kAllowance{.factor = kFactor};
  static constexpr std::size_t kMaxReply = 16'384;

  // The reply to a message of whoever may ask; 0: none.
  [[nodiscard]] std::size_t reply(Bytes message, const CallContext& context, MutableBytes out) noexcept;
  [[nodiscard]] std::size_t execute(const Call& call, const CallContext& context, MutableBytes out) noexcept;

  const Shared& shared_;
  const Registry& registry_;
#define X(name, help) mutable Counter name##_;  // next_request() counts what it refuses
  GL_ONC_RPC_COUNTERS(X)
#undef X
};

}  // namespace gl::onc_rpc
