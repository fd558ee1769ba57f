#include "lib/services/nfs/mount.h"

#include <algorithm>

#include "lib/services/nfs/arguments.h"

namespace gl::nfs {
namespace {

using files::Node;
using files::NodeKind;
using onc_rpc::Call;
using onc_rpc::CallContext;
using onc_rpc::Outcome;
using onc_rpc::XdrReader;
using onc_rpc::XdrWriter;

enum : std::uint32_t { kNull = 0, kMnt = 1, kDump = 2, kExport = 5 };

// What of the path is below the export; false: it is not in it.
bool is_below(std::string_view name, std::string_view& path) noexcept {
  if (name == "/") return true;
  if (name.empty() || !path.starts_with(name) || (path.size() > name.size() && path[name.size()] != '/')) return false;
  path.remove_prefix(name.size());
  return true;
}

// Name by name. A link is not followed: where it leads is the client's to find out.
const Node* walk(const files::FileSet& files, const Node* node, std::string_view path, MountStatus& status) noexcept {
  status = MountStatus::ok;
  while (!path.empty()) {
    const std::size_t end = std::min(path.find('/'), path.size());
    const std::string_view name = path.substr(0, end);
    path.remove_prefix(std::min(end + 1, path.size()));
    if (name.empty() || name == ".") continue;
    const Node* const below = files.find_child(*node, name);
    if (below == nullptr || below->kind != NodeKind::directory) {
      status = below == nullptr ? MountStatus::not_found : MountStatus::not_directory;
      return nullptr;
    }
    node = below;
  }
  return node;
}

void mount(const Exports& exports, const Nfs3Call::World& world, const Call& call, const CallContext& context,
           XdrWriter& results) noexcept {
  XdrReader reader(call.arguments);
  const Bytes path = reader.opaque(onc_rpc::kMaxRecord);
  MountStatus status = context.allowed ? MountStatus::ok : MountStatus::access;
  const Node* node = nullptr;
  if (context.allowed) {
    node = find_directory(exports, world.files, {reinterpret_cast<const char*>(path.data()), path.size()}, status);
  } else {
    world.counters.mounts_refused.add();
  }
  results.u32(static_cast<std::uint32_t>(status));
  if (node == nullptr) return;
  world.counters.mounts.add();
  // Over TCP as well: the client may ask NFS over UDP.
  write_handle(results, {node->number, world.proofs.of(context.peer_address)});
  results.u32(1);
  results.u32(static_cast<std::uint32_t>(onc_rpc::AuthFlavor::sys));
}

void write_exports(const Exports& exports, XdrWriter& results) noexcept {
  for (const Export& each : exports.list) {
    results.boolean(true);
    results.string(each.name);
    for (const std::string& group : exports.groups) {
      results.boolean(true);
      results.string(group);
    }
    results.boolean(false);
  }
  results.boolean(false);
}

}  // namespace

const Node* find_directory(const Exports& exports, const files::FileSet& files, std::string_view path,
                           MountStatus& status) noexcept {
  status = path.size() > kMaxPath ? MountStatus::name_too_long : MountStatus::not_found;
  if (path.size() > kMaxPath) return nullptr;
  for (const auto by : {&Export::name, &Export::directory}) {
    for (const Export& each : exports.list) {
      std::string_view below = path;
      const files::Tree* const tree = files.tree(each.root);
      if (tree == nullptr || !is_below(each.*by, below)) continue;
      const Node* const node = walk(files, tree->root, below, status);
      if (node != nullptr || status != MountStatus::not_found) return node;
    }
  }
  return nullptr;
}

Outcome call_mount(const Exports& exports, const Nfs3Call::World& world, const Call& call, const CallContext& context,
                   XdrWriter& results) noexcept {
  if (!context.allowed && call.procedure != kNull && call.procedure != kMnt) return Outcome::not_allowed;
  const Procedure* const procedure = mount_procedure(call.procedure);
  if (procedure == nullptr) return Outcome::proc_unavail;
  XdrReader check(call.arguments);
  skip_arguments(procedure->arguments, check);
  if (!check.ok()) return Outcome::garbage_args;
  if (call.procedure == kMnt) mount(exports, world, call, context, results);
  if (call.procedure == kDump) results.boolean(false);
  if (call.procedure == kExport) write_exports(exports, results);
  return Outcome::results;
}

}  // namespace gl::nfs
