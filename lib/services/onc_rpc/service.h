// rpcbind over UDP and over stateless TCP, on one core.
// Units: bytes. Ownership: borrows Shared and the registry. Thread: one instance a core, that core only. Errors: ONC
// RPC's own; what is not answered is counted. Sources: RFC 5531, RFC 1833.
#pragma once

#include <atomic>
#include <cstdint>

#include "lib/services/onc_rpc/rpc_service.h"
#include "lib/services/onc_rpc/rpcbind.h"

namespace gl::onc_rpc {

class OncRpcService final : public RpcService {
 public:
  // Written by the main core.
  struct Shared {
    AllowedNetworks allowed;             // before the cores start
    const Mappings* mappings = nullptr;  // likewise
    std::atomic<std::uint32_t> unix_time{0};
  };
  OncRpcService(const Shared& shared, const Registry& registry)
      : RpcService(shared.allowed, registry, {.most_reply = kMaxReply}), shared_(shared) {}

  [[nodiscard]] std::string_view name() const noexcept override { return "rpc"; }
  void read_counters(CounterReader& reader) const override {
    RpcService::read_counters(reader);
    reader.read("drop_forward", drop_forward_.value(), "calls that would have been forwarded: CALLIT, BCAST, INDIRECT");
  }

 private:
  static constexpr std::size_t kMaxReply = 16'384;

  [[nodiscard]] Outcome call(const Call& call, const CallContext& context, Results& results) noexcept override {
    const std::uint32_t now = shared_.unix_time.load(std::memory_order_relaxed);
    const Outcome outcome = call_rpcbind(*shared_.mappings, call, context, now, results.head);
    if (outcome == Outcome::none) drop_forward_.add();
    return outcome;
  }
  [[nodiscard]] bool skip_arguments(const Call& call, XdrReader& reader) const noexcept override {
    return skip_rpcbind_arguments(call, reader);
  }
  [[nodiscard]] VersionRange versions(std::uint32_t) const noexcept override {
    return {kRpcbindLowest, kRpcbindHighest};
  }

  const Shared& shared_;
  Counter drop_forward_;  // calls that would have been forwarded: CALLIT, BCAST, INDIRECT
};

}  // namespace gl::onc_rpc
