#include "lib/services/nfs/service.h"

#include "lib/services/nfs/arguments.h"

namespace gl::nfs {

using onc_rpc::Call;
using onc_rpc::CallContext;
using onc_rpc::Outcome;
using onc_rpc::XdrReader;

void NfsService::read_counters(CounterReader& reader) const {
  RpcService::read_counters(reader);
#define X(name, help) reader.read(#name, counters_.name.value(), help);
  GL_NFS_COUNTERS(X)
#undef X
}

bool NfsService::verifies(const Call& call, const CallContext& context) noexcept {
  if (call.program != kNfsProgram || !context.allowed) return false;
  XdrReader reader(call.arguments);
  const auto handle = parse_handle(reader.opaque(kMaxHandle));
  return handle && handle->proof == shared_.proofs.of(context.peer_address);
}

// What a reply was begun with goes on with the same files, whatever there is now; null where they are gone.
const files::FileSet* NfsService::files_for(const CallContext& context) const noexcept {
  if (!context.continuation || context.identity == 0) return files_->current;
  if (files_->current->generation() == context.identity) return files_->current;
  for (const files::FileSet* const set : files_->kept) {
    if (set == nullptr || set->generation() == context.identity) return set;
  }
  return nullptr;
}

Outcome NfsService::call(const Call& call, const CallContext& context, onc_rpc::Results& results) noexcept {
  if (call.program != kNfsProgram && call.program != kMountProgram) {
    return context.allowed ? Outcome::prog_unavail : Outcome::not_allowed;
  }
  if (call.version != kVersion) return context.allowed ? Outcome::prog_mismatch : Outcome::not_allowed;
  const files::FileSet* const files = files_for(context);
  if (files == nullptr) return counters_.unrepeatable.add(), Outcome::unrepeatable;
  results.identity = files->generation();
  const Nfs3Call::World world{*files, shared_.proofs, mtu_, counters_};
  if (call.program == kMountProgram) return call_mount(shared_.exports, world, call, context, results.head);
  if (!context.allowed) return Outcome::not_allowed;
  Nfs3Call nfs(world, call, context, results);
  const Outcome outcome = nfs.run();
  // Nobody knows which files it was begun with: it has to be those that it could have been for a while.
  const bool may_differ = context.continuation && context.identity == 0 && nfs.since() > files_->settled;
  if (may_differ) return counters_.unrepeatable.add(), Outcome::unrepeatable;
  return outcome;
}

bool NfsService::skip_arguments(const Call& call, XdrReader& reader) const noexcept {
  const bool ours = (call.program == kNfsProgram || call.program == kMountProgram) && call.version == kVersion;
  if (!ours) return false;
  const Procedure* const procedure =
      call.program == kNfsProgram ? nfs_procedure(call.procedure) : mount_procedure(call.procedure);
  if (procedure == nullptr) return false;
  nfs::skip_arguments(procedure->arguments, reader);
  return true;
}

}  // namespace gl::nfs
