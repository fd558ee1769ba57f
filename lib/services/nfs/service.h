// NFS version 3, read-only, and MOUNT version 3, over UDP and over stateless TCP, on one core. It keeps nothing of its
// clients: a reply is a function of the call and of the files that are published, and its identity over TCP is the
// generation of those. Units: bytes. Ownership: borrows Shared, the published files and the registry. Thread: one
// instance a core, that core only. Errors: ONC RPC's, MOUNT's and NFS's own. Source: RFC 1813.
#pragma once

#include <atomic>
#include <cstdint>

#include "lib/files/file_store.h"
#include "lib/services/nfs/handle.h"
#include "lib/services/nfs/mount.h"
#include "lib/services/nfs/nfs3.h"
#include "lib/services/onc_rpc/rpc_service.h"

namespace gl::nfs {

class NfsService final : public onc_rpc::RpcService {
 public:
  // Written by the main core before the cores start.
  struct Shared {
    AllowedNetworks allowed;
    Exports exports;
    AddressProofs proofs{AddressProofs::Key{}};
  };
  NfsService(const Shared& shared, const std::atomic<const files::PublishedFiles*>& published, const Registry& registry)
      : RpcService(shared.allowed, registry, {.most_reply = kMaxReply, .has_tails = true, .answers_strangers = true}),
        shared_(shared),
        published_(published),
        mtu_(registry.place().mtu) {}

  [[nodiscard]] std::string_view name() const noexcept override { return "nfs"; }
  void begin_burst(std::uint64_t) noexcept override { files_ = published_.load(std::memory_order_acquire); }
  void read_counters(CounterReader& reader) const override;

 private:
  static constexpr std::size_t kMaxReply = kMaxRead + 128;

  [[nodiscard]] onc_rpc::Outcome call(const onc_rpc::Call& call, const onc_rpc::CallContext& context,
                                      onc_rpc::Results& results) noexcept override;
  [[nodiscard]] bool skip_arguments(const onc_rpc::Call& call, onc_rpc::XdrReader& reader) const noexcept override;
  [[nodiscard]] onc_rpc::VersionRange versions(std::uint32_t) const noexcept override { return {kVersion, kVersion}; }
  [[nodiscard]] bool verifies(const onc_rpc::Call& call, const onc_rpc::CallContext& context) noexcept override;

  [[nodiscard]] const files::FileSet* files_for(const onc_rpc::CallContext& context) const noexcept;

  const Shared& shared_;
  const std::atomic<const files::PublishedFiles*>& published_;
  const files::PublishedFiles* files_ = nullptr;
  const std::uint32_t mtu_;
  NfsCounters counters_;
};

}  // namespace gl::nfs
