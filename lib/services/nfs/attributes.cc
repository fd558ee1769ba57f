#include "lib/services/nfs/attributes.h"

#include "lib/services/nfs/protocol.h"

namespace gl::nfs {
namespace {

using files::Node;
using files::NodeKind;
using onc_rpc::Caller;
using onc_rpc::XdrWriter;

constexpr std::uint32_t kReadBit = 4;
constexpr std::uint32_t kExecuteBit = 1;

FileType type_of(const Node& node) noexcept {
  if (node.kind == NodeKind::directory) return FileType::directory;
  return node.kind == NodeKind::link ? FileType::link : FileType::regular;
}

void write_time(XdrWriter& out, const files::Moment& moment) noexcept {
  out.u32(static_cast<std::uint32_t>(moment.seconds));
  out.u32(moment.nanoseconds);
}

bool permits(const Node& node, const Caller& caller, std::uint32_t bit) noexcept {
  const std::uint32_t mode = node.attributes.mode;
  if (!caller.named) return (mode & bit) != 0;
  if (caller.user == 0) return bit == kReadBit || (mode & (bit << 6 | bit << 3 | bit)) != 0;
  if (caller.user == node.attributes.user) return (mode >> 6 & bit) != 0;
  if (caller.is_in(node.attributes.group)) return (mode >> 3 & bit) != 0;
  return (mode & bit) != 0;
}

}  // namespace

void write_attributes(XdrWriter& out, const Node& node) noexcept {
  out.u32(static_cast<std::uint32_t>(type_of(node)));
  out.u32(node.attributes.mode);
  out.u32(node.links);
  out.u32(node.attributes.user);
  out.u32(node.attributes.group);
  out.u64(node.attributes.size);
  out.u64(node.attributes.used);
  out.u64(0);  // no device
  out.u64(node.tree);
  out.u64(node.number);
  write_time(out, node.attributes.modified);
  write_time(out, node.attributes.modified);
  write_time(out, node.attributes.changed);
}

void write_post_op(XdrWriter& out, const Node* node) noexcept {
  out.boolean(node != nullptr);
  if (node != nullptr) write_attributes(out, *node);
}

void write_wcc(XdrWriter& out, const Node* node) noexcept {
  out.boolean(false);
  write_post_op(out, node);
}

// What may be executed has to be read for that, and an owner could give himself the right.
bool may_read(const Node& node, const Caller& caller) noexcept {
  if (node.kind == NodeKind::directory) return permits(node, caller, kReadBit);
  return permits(node, caller, kReadBit) || permits(node, caller, kExecuteBit) ||
         (caller.named && caller.user == node.attributes.user);
}

bool may_execute(const Node& node, const Caller& caller) noexcept {
  // Root may search every directory.
  if (node.kind == NodeKind::directory && caller.named && caller.user == 0) return true;
  return permits(node, caller, kExecuteBit);
}

std::uint32_t access_of(const Node& node, const Caller& caller, std::uint32_t wanted) noexcept {
  std::uint32_t granted = 0;
  if (node.kind == NodeKind::link || permits(node, caller, kReadBit)) granted |= kAccessRead;
  if (node.kind == NodeKind::directory && may_execute(node, caller)) granted |= kAccessLookup;
  if (node.kind == NodeKind::file && may_execute(node, caller)) granted |= kAccessExecute;
  return granted & wanted;
}

}  // namespace gl::nfs
