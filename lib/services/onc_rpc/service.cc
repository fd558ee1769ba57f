#include "lib/services/onc_rpc/service.h"

#include <algorithm>

namespace gl::onc_rpc {
namespace {

// Programs of privileged users ask from a port below 1024, but from none below this one (bindresvport(3)).
constexpr std::uint16_t kLeastCallerPort = 512;

}  // namespace

void OncRpcService::read_counters(CounterReader& reader) const {
#define X(name, help) reader.read(#name, name##_.value());
  GL_ONC_RPC_COUNTERS(X)
#undef X
}

void OncRpcService::receive(const Datagram& datagram, DatagramSink& sink) noexcept {
  if (!is_allowed(shared_.allowed, datagram.peer_address())) return drop_not_allowed_.add();
  if (datagram.peer_port < kLeastCallerPort || registry_.is_asked_on(datagram.peer_port)) {
    return drop_source_port_.add();
  }
  const CallContext context{Transport::udp, datagram.local_address(),
                            shared_.unix_time.load(std::memory_order_relaxed)};
  const MutableBytes room = sink.room();
  const std::size_t length = reply(datagram.payload, context, room);
  if (length != 0) (void)sink.send(datagram.local_port, length);
}

Framed OncRpcService::next_request(Bytes stream, bool prefix_consumed) const noexcept {
  const Framed framed = next_record(stream, prefix_consumed, skip_rpcbind_arguments);
  if (framed.kind == Framed::Kind::malformed) drop_record_.add();
  return framed;
}

Answer OncRpcService::answer(Bytes request, MutableBytes buffer, const RequestContext& context) noexcept {
  const std::size_t address_length = context.flow.size() == 12 ? 4 : 16;
  if (!is_allowed(shared_.allowed, context.flow.first(address_length))) {
    drop_not_allowed_.add();
    return {Answer::Kind::malformed};
  }
  const CallContext call{Transport::tcp, context.flow.subspan(address_length, address_length),
                         shared_.unix_time.load(std::memory_order_relaxed)};
  const std::size_t length = reply(request, call, buffer.subspan(kRecordMarkSize, kMaxReply));
  if (length == 0) return {Answer::Kind::silent};
  store_be(buffer.data(), kLastFragment | static_cast<std::uint32_t>(length));
  return {Answer::Kind::answered, kRecordMarkSize + length};
}

std::size_t OncRpcService::reply(Bytes message, const CallContext& context, MutableBytes out) noexcept {
  const ParsedCall parsed = parse_call(message);
  XdrWriter writer(out);
  switch (parsed.kind) {
    case ParsedCall::Kind::malformed:
      drop_malformed_.add();
      return 0;
    case ParsedCall::Kind::not_a_call:
      drop_not_a_call_.add();
      return 0;
    case ParsedCall::Kind::rpc_mismatch:
      rpc_mismatch_.add();
      write_rpc_mismatch(writer, parsed.call.xid);
      break;
    case ParsedCall::Kind::auth_error:
      auth_errors_.add();
      write_auth_error(writer, parsed.call.xid, parsed.auth);
      break;
    case ParsedCall::Kind::call:
      calls_.add();
      return execute(parsed.call, context, out);
  }
  if (!writer.ok()) drop_no_room_.add();
  return writer.length();
}

std::size_t OncRpcService::execute(const Call& call, const CallContext& context, MutableBytes out) noexcept {
  XdrWriter writer(out);
  begin_reply(writer, call.xid, AcceptStat::success);
  const Outcome outcome = call_rpcbind(*shared_.mappings, call, context, writer);
  if (outcome == Outcome::none) {
    drop_forward_.add();
    return 0;
  }
  if (outcome == Outcome::results) {
    // A list that was cut would be a wrong answer, so there is none.
    if (!writer.ok()) (context.transport == Transport::udp ? drop_amplification_ : drop_no_room_).add();
    if (writer.ok()) answered_.add();
    return writer.length();
  }
  writer = XdrWriter(out);
  switch (outcome) {
    case Outcome::prog_unavail:
      prog_unavail_.add();
      begin_reply(writer, call.xid, AcceptStat::prog_unavail);
      break;
    case Outcome::prog_mismatch:
      prog_mismatch_.add();
      write_prog_mismatch(writer, call.xid, kRpcbindLowest, kRpcbindHighest);
      break;
    case Outcome::proc_unavail:
      proc_unavail_.add();
      begin_reply(writer, call.xid, AcceptStat::proc_unavail);
      break;
    default:
      garbage_args_.add();
      begin_reply(writer, call.xid, AcceptStat::garbage_args);
  }
  return writer.length();
}

}  // namespace gl::onc_rpc
