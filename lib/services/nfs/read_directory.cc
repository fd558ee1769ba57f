// READDIR and READDIRPLUS. Names come in the order of their numbers (files/tree.h), and the cookie of one is its
// number, so that a list goes on where it was over a restart, on another node and after a reload: names that were there
// all the time come once, whatever came or went between them.
#include <algorithm>

#include "lib/services/nfs/attributes.h"
#include "lib/services/nfs/nfs3.h"

namespace gl::nfs {

using files::Node;
using files::NodeKind;

namespace {

constexpr std::uint64_t kSelf = 1;  // cookies of "." and ".."
constexpr std::uint64_t kAbove = 2;
constexpr std::size_t kEnd = 4 + 4;  // no further entry, and whether that was all

}  // namespace

NfsStatus Nfs3Call::check_list(std::uint64_t cookie, std::uint64_t verifier) const noexcept {
  if (node_->kind != NodeKind::directory) return NfsStatus::not_directory;
  if (!may_read(*node_, call_.caller)) return NfsStatus::access;
  const bool known = cookie == 0 || (cookie <= files::NodeNumbers::kMost && verifier == world_.proofs.verifier());
  return known ? NfsStatus::ok : NfsStatus::bad_cookie;
}

NfsStatus Nfs3Call::list(bool plus) noexcept {
  if (!brief_) world_.counters.lists.add();
  ListRequest request{.cookie = arguments_.u64(), .plus = plus};
  const std::uint64_t verifier = arguments_.u64();
  if (plus) arguments_.u32();  // how many bytes of names: a hint that the other limit makes good for
  request.limit = arguments_.u32();
  const NfsStatus status = check_list(request.cookie, verifier);
  return status == NfsStatus::ok ? write_list(request) : status;
}

NfsStatus Nfs3Call::write_list(const ListRequest& request) noexcept {
  const onc_rpc::XdrWriter untouched = out_;
  begin_success();
  const std::size_t begin = out_.length();  // what the limit counts from
  write_said(*node_);
  out_.u64(world_.proofs.verifier());
  bool fits = true;
  bool any = false;
  const auto write = [&](std::string_view name, const Node& node, std::uint64_t cookie) {
    fits = fits && write_entry(name, node, cookie, request, begin);
    any = any || fits;
  };
  if (request.cookie < kSelf) write(".", *node_, kSelf);
  if (request.cookie < kAbove) write("..", *node_->parent, kAbove);
  for (const Node* const child : node_->children_behind(request.cookie)) {
    if (!fits) break;
    write(child->name, *child, child->number);
  }
  if (!any && !fits) {
    // It is the client's limit, or what may be sent to him.
    if (!no_room_) out_ = untouched;
    return no_room_ ? NfsStatus::ok : NfsStatus::too_small;
  }
  no_room_ = false;
  out_.boolean(false);
  out_.boolean(fits);
  return NfsStatus::ok;
}

// False: it does not fit with the end of the list behind it, and is not written.
bool Nfs3Call::write_entry(std::string_view name, const Node& node, std::uint64_t cookie, const ListRequest& request,
                           std::size_t begin) noexcept {
  const onc_rpc::XdrWriter before = out_;
  out_.boolean(true);
  out_.u64(node.number);
  out_.string(name);
  out_.u64(cookie);
  if (request.plus) {
    write_said(node);
    out_.boolean(!brief_);
    if (!brief_) write_handle(out_, handle_of(node));
  }
  no_room_ = !out_.ok() || out_.left() < kEnd;
  const bool fits = !no_room_ && out_.length() + kEnd - begin <= request.limit;
  if (fits && request.plus) depends_on(node);
  if (!fits) out_ = before;
  return fits;
}

}  // namespace gl::nfs
