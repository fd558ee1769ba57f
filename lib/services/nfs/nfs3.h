// One call of NFS version 3, read-only: its results are a function of the call and of one state of the files.
// Units: bytes. Byte order: wire in spans, host in values. Ownership: borrows everything for the call; the tail of the
// results is a view of a file. Thread: one core's own. Errors: NFS's own statuses; what would change something is
// NFS3ERR_ROFS. Source: RFC 1813 section 3.
#pragma once

#include <cstdint>
#include <string_view>

#include "lib/base/counter.h"
#include "lib/files/file_set.h"
#include "lib/services/nfs/arguments.h"
#include "lib/services/nfs/handle.h"
#include "lib/services/nfs/protocol.h"
#include "lib/services/onc_rpc/rpc_service.h"

namespace gl::nfs {

// Every name is a counter of each core, beside those of RPC.
#define GL_NFS_COUNTERS(X)                                                                             \
  X(lookups, "LOOKUP calls")                                                                           \
  X(reads, "READ calls that gave bytes")                                                               \
  X(read_bytes, "bytes of files in their replies, those that were repeated included")                  \
  X(lists, "READDIR and READDIRPLUS calls")                                                            \
  X(errors, "calls answered with an error, of those below and others")                                 \
  X(stale, "calls whose file is not there any more, or that have to look it up again")                 \
  X(bad_handles, "calls whose file handle is none of ours")                                            \
  X(denied, "calls that the file's mode denies to who the caller says he is")                          \
  X(read_only, "calls that would change something")                                                    \
  X(unverified, "UDP: calls whose handle was not given to the caller's address: three times the call") \
  X(mounts, "MNT calls that gave a handle")                                                            \
  X(mounts_refused, "MNT calls of callers outside the networks that may ask")                          \
  X(unrepeatable, "TCP: replies begun on files that are no longer known")

struct NfsCounters {
#define X(name, help) Counter name;
  GL_NFS_COUNTERS(X)
#undef X
};

class Nfs3Call {
 public:
  struct World {
    const files::FileSet& files;
    const AddressProofs& proofs;
    std::uint32_t mtu = 0;  // bytes of an IP packet
    NfsCounters& counters;
  };
  Nfs3Call(const World& world, const onc_rpc::Call& call, const onc_rpc::CallContext& context,
           onc_rpc::Results& results) noexcept
      : world_(world), call_(call), context_(context), results_(results), out_(results.head) {}

  // Writes the results behind the beginning of a successful reply.
  [[nodiscard]] onc_rpc::Outcome run() noexcept;
  // Since which generation everything that was said has been so.
  [[nodiscard]] std::uint32_t since() const noexcept { return since_; }

 private:
  // What a list of names is asked for.
  struct ListRequest {
    std::uint64_t cookie = 0;
    std::size_t limit = 0;  // bytes of its results
    bool plus = false;
  };

  void execute(const Procedure& procedure) noexcept;
  void dispatch(const Procedure& procedure) noexcept;
  void write_room_error(const Procedure& procedure) noexcept;
  [[nodiscard]] const files::Node* take_node(NfsStatus& status) noexcept;
  [[nodiscard]] const files::Node* find_node(Bytes handle, NfsStatus& status) const noexcept;
  void fail(NfsStatus status, const Procedure& procedure) noexcept;
  void write_failure(NfsStatus status, const Procedure& procedure) noexcept;
  void count(NfsStatus status) noexcept;

  void refuse_change(const Procedure& procedure) noexcept;
  [[nodiscard]] NfsStatus get_attributes() noexcept;
  [[nodiscard]] NfsStatus look_up() noexcept;
  [[nodiscard]] NfsStatus find_name(std::string_view name, const files::Node*& found) const noexcept;
  [[nodiscard]] NfsStatus access() noexcept;
  [[nodiscard]] NfsStatus read_link() noexcept;
  [[nodiscard]] NfsStatus read() noexcept;
  [[nodiscard]] NfsStatus list(bool plus) noexcept;
  [[nodiscard]] NfsStatus check_list(std::uint64_t cookie, std::uint64_t verifier) const noexcept;
  [[nodiscard]] NfsStatus write_list(const ListRequest& request) noexcept;
  [[nodiscard]] bool write_entry(std::string_view name, const files::Node& node, std::uint64_t cookie,
                                 const ListRequest& request, std::size_t begin) noexcept;
  [[nodiscard]] NfsStatus file_system_status() noexcept;
  [[nodiscard]] NfsStatus file_system_information() noexcept;
  [[nodiscard]] NfsStatus path_configuration() noexcept;

  void begin_success() noexcept { out_.u32(static_cast<std::uint32_t>(NfsStatus::ok)); }
  void write_said(const files::Node& node) noexcept;
  [[nodiscard]] Handle handle_of(const files::Node& node) const noexcept;
  [[nodiscard]] std::uint32_t most_read() const noexcept;
  void depends_on(const files::Node& node) noexcept { since_ = std::max(since_, node.since); }

  const World& world_;
  const onc_rpc::Call& call_;
  const onc_rpc::CallContext& context_;
  onc_rpc::Results& results_;
  onc_rpc::XdrWriter& out_;
  onc_rpc::XdrReader arguments_{{}};
  const files::Node* node_ = nullptr;  // that the first handle names
  std::uint64_t proof_ = 0;            // of the handles that are given
  std::uint32_t since_ = 0;
  bool brief_ = false;    // what is optional is left out
  bool counted_ = false;  // its error
  bool no_room_ = false;  // the results do not fit what may be sent
};

}  // namespace gl::nfs
