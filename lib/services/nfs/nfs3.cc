#include "lib/services/nfs/nfs3.h"

#include <algorithm>
#include <bit>
#include <utility>

#include "lib/services/nfs/attributes.h"

namespace gl::nfs {

using files::Node;
using files::NodeKind;
using onc_rpc::Outcome;
using onc_rpc::Transport;
using onc_rpc::XdrReader;

namespace {

// A READ's reply in front of the data: RPC 24, status, attributes, count, eof, length of the data.
constexpr std::size_t kReadOverhead = 24 + 4 + kPostOpSize + 4 + 4 + 4;
constexpr std::uint32_t kUdpHeader = 8;

}  // namespace

Outcome Nfs3Call::run() noexcept {
  const Procedure* const procedure = nfs_procedure(call_.procedure);
  if (procedure == nullptr) return Outcome::proc_unavail;
  XdrReader check(call_.arguments);
  skip_arguments(procedure->arguments, check);
  if (!check.ok()) return Outcome::garbage_args;
  if (call_.procedure == 0) return Outcome::results;
  if (!context_.verified) world_.counters.unverified.add();
  execute(*procedure);
  return Outcome::results;
}

// What is optional is left out where the whole does not fit what an unverified caller may draw.
void Nfs3Call::execute(const Procedure& procedure) noexcept {
  const onc_rpc::XdrWriter begin = out_;
  dispatch(procedure);
  if ((no_room_ || !out_.ok()) && !context_.verified) {
    out_ = begin;
    brief_ = true;
    no_room_ = false;
    dispatch(procedure);
  }
  if (!no_room_ && out_.ok()) return;
  out_ = begin;
  write_room_error(procedure);
}

// A caller who looks the file up again gets a handle that is given to his address, and then all there is.
void Nfs3Call::write_room_error(const Procedure& procedure) noexcept {
  brief_ = true;
  results_.tail = {};
  fail(context_.verified ? NfsStatus::server_fault : NfsStatus::stale, procedure);
}

void Nfs3Call::dispatch(const Procedure& procedure) noexcept {
  arguments_ = XdrReader(call_.arguments);
  NfsStatus status = NfsStatus::ok;
  node_ = take_node(status);
  if (node_ == nullptr) return fail(status, procedure);
  depends_on(*node_);
  if (procedure.changes) return refuse_change(procedure);
  switch (call_.procedure) {
    case 1:
      status = get_attributes();
      break;
    case 3:
      status = look_up();
      break;
    case 4:
      status = access();
      break;
    case 5:
      status = read_link();
      break;
    case 6:
      status = read();
      break;
    case 16:
    case 17:
      status = list(call_.procedure == 17);
      break;
    case 18:
      status = file_system_status();
      break;
    case 19:
      status = file_system_information();
      break;
    default:
      status = path_configuration();
  }
  if (status != NfsStatus::ok) fail(status, procedure);
}

const Node* Nfs3Call::find_node(Bytes bytes, NfsStatus& status) const noexcept {
  const auto handle = parse_handle(bytes);
  const Node* const node = handle ? world_.files.find_node(handle->number) : nullptr;
  if (node == nullptr) status = handle ? NfsStatus::stale : NfsStatus::bad_handle;
  return node;
}

// Over TCP handles are given with the proof that the caller's has, and so stay the same however long a mount lives and
// wherever its client moves. Over UDP they are given to the address that asks.
const Node* Nfs3Call::take_node(NfsStatus& status) noexcept {
  const Bytes bytes = arguments_.opaque(kMaxHandle);
  const Node* const node = find_node(bytes, status);
  if (node == nullptr) {
    since_ = world_.files.generation();
    return nullptr;
  }
  proof_ = context_.transport == Transport::udp ? world_.proofs.of(context_.peer_address) : parse_handle(bytes)->proof;
  return node;
}

void Nfs3Call::fail(NfsStatus status, const Procedure& procedure) noexcept {
  count(status);
  write_failure(status, procedure);
}

void Nfs3Call::write_failure(NfsStatus status, const Procedure& procedure) noexcept {
  const Node* const said = brief_ ? nullptr : node_;
  out_.u32(static_cast<std::uint32_t>(status));
  if (procedure.failure == Failure::attributes || procedure.failure == Failure::attributes_and_wcc) {
    write_post_op(out_, said);
  }
  if (procedure.failure == Failure::wcc || procedure.failure == Failure::two_wcc) write_wcc(out_, said);
  if (procedure.failure != Failure::two_wcc && procedure.failure != Failure::attributes_and_wcc) return;
  // The second directory of RENAME and LINK.
  NfsStatus ignored = NfsStatus::ok;
  XdrReader reader(call_.arguments);
  skip_arguments(procedure.failure == Failure::two_wcc ? "hn" : "h", reader);
  const Node* const second = find_node(reader.opaque(kMaxHandle), ignored);
  write_wcc(out_, brief_ ? nullptr : second);
}

void Nfs3Call::count(NfsStatus status) noexcept {
  if (std::exchange(counted_, true)) return;  // the same call, once more without what is optional
  world_.counters.errors.add();
  if (status == NfsStatus::stale) world_.counters.stale.add();
  if (status == NfsStatus::bad_handle) world_.counters.bad_handles.add();
  if (status == NfsStatus::access) world_.counters.denied.add();
  if (status == NfsStatus::read_only) world_.counters.read_only.add();
}

void Nfs3Call::refuse_change(const Procedure& procedure) noexcept {
  fail(NfsStatus::read_only, procedure);
}

void Nfs3Call::write_said(const Node& node) noexcept {
  write_post_op(out_, brief_ ? nullptr : &node);
}

Handle Nfs3Call::handle_of(const Node& node) const noexcept {
  return {node.number, proof_};
}

NfsStatus Nfs3Call::get_attributes() noexcept {
  begin_success();
  write_attributes(out_, *node_);
  return NfsStatus::ok;
}

NfsStatus Nfs3Call::find_name(std::string_view name, const Node*& found) const noexcept {
  if (node_->kind != NodeKind::directory) return NfsStatus::not_directory;
  if (!may_execute(*node_, call_.caller)) return NfsStatus::access;
  if (name.empty()) return NfsStatus::invalid;
  if (name.size() > kMaxName) return NfsStatus::name_too_long;
  if (name == "." || name == "..") {
    found = name == "." ? node_ : node_->parent;
  } else {
    found = world_.files.find_child(*node_, name);
  }
  return found == nullptr ? NfsStatus::not_found : NfsStatus::ok;
}

NfsStatus Nfs3Call::look_up() noexcept {
  if (!brief_) world_.counters.lookups.add();
  const Bytes bytes = arguments_.opaque(onc_rpc::kMaxRecord);
  const Node* found = nullptr;
  const NfsStatus status = find_name({reinterpret_cast<const char*>(bytes.data()), bytes.size()}, found);
  if (status != NfsStatus::ok) return status;
  depends_on(*found);
  begin_success();
  write_handle(out_, handle_of(*found));
  write_said(*found);
  write_said(*node_);
  return NfsStatus::ok;
}

NfsStatus Nfs3Call::access() noexcept {
  const std::uint32_t wanted = arguments_.u32();
  begin_success();
  write_said(*node_);
  out_.u32(access_of(*node_, call_.caller, wanted));
  return NfsStatus::ok;
}

NfsStatus Nfs3Call::read_link() noexcept {
  if (node_->kind != NodeKind::link) return NfsStatus::invalid;
  begin_success();
  write_said(*node_);
  out_.string(node_->target);
  return NfsStatus::ok;
}

// As many bytes as were asked for, as there are, and as the transport carries: a client asks for the rest.
NfsStatus Nfs3Call::read() noexcept {
  if (node_->kind == NodeKind::directory) return NfsStatus::is_directory;
  if (node_->kind != NodeKind::file) return NfsStatus::invalid;
  if (!may_read(*node_, call_.caller)) return NfsStatus::access;
  const std::uint64_t offset = arguments_.u64();
  const std::size_t count = std::min<std::size_t>(arguments_.u32(), kMaxRead);
  const Bytes body(node_->file->body);
  begin_success();
  write_said(*node_);
  constexpr std::size_t kBehind = 4 + 4 + 4;  // count, eof, length of the data
  const std::size_t room = out_.left() < kBehind ? 0 : (out_.left() - kBehind) / 4 * 4;
  const Bytes behind = body.subspan(std::min<std::uint64_t>(offset, body.size()));
  const Bytes data = behind.first(std::min({behind.size(), count, room}));
  out_.u32(static_cast<std::uint32_t>(data.size()));
  out_.boolean(data.size() == behind.size());
  out_.u32(static_cast<std::uint32_t>(data.size()));
  results_.tail = data;
  if (!data.empty()) world_.counters.reads.add();
  world_.counters.read_bytes.add(data.size());
  return NfsStatus::ok;
}

NfsStatus Nfs3Call::file_system_status() noexcept {
  since_ = world_.files.generation();
  const files::Tree* const tree = world_.files.tree_of(*node_);
  begin_success();
  write_said(*node_);
  out_.u64(tree->bytes);
  out_.u64(0);  // free
  out_.u64(0);  // free for the caller
  out_.u64(tree->nodes.size());
  out_.u64(0);
  out_.u64(0);
  out_.u32(0);  // for how many seconds nothing will change: nobody knows
  return NfsStatus::ok;
}

// Over UDP what one packet of the port carries, as the power of two below it, which is what kernels make of it.
std::uint32_t Nfs3Call::most_read() const noexcept {
  if (context_.transport == Transport::tcp) return kMaxRead;
  const std::size_t headers = (context_.peer_address.size() == 4 ? 20 : 40) + kUdpHeader + kReadOverhead;
  return static_cast<std::uint32_t>(std::bit_floor(std::min<std::size_t>(world_.mtu - headers, kMaxRead)));
}

NfsStatus Nfs3Call::file_system_information() noexcept {
  const std::uint32_t most = most_read();
  // A WRITE is refused, but one with much in it is longer than a record may be, and its connection would be reset. So
  // kernels are told a small size, by wtpref; libnfs mounts nothing that takes less than 8 KB, by wtmax.
  constexpr std::uint32_t kWriteMost = 8192;
  constexpr std::uint32_t kWritePreferred = 1024;
  begin_success();
  write_said(*node_);
  for (const std::uint32_t size : {most, most, 1u, kWriteMost, kWritePreferred, 1u, most}) out_.u32(size);
  out_.u64(0x7fffffffffffffff);  // longest file
  out_.u32(0);                   // times are as fine as
  out_.u32(1);                   // a nanosecond
  out_.u32(kProperties);
  return NfsStatus::ok;
}

NfsStatus Nfs3Call::path_configuration() noexcept {
  begin_success();
  write_said(*node_);
  out_.u32(1);  // links to a file, see files::Node
  out_.u32(kMaxName);
  for (const bool is : {true, true, false, true}) {  // no_trunc, chown_restricted, case_insensitive, case_preserving
    out_.boolean(is);
  }
  return NfsStatus::ok;
}

}  // namespace gl::nfs
