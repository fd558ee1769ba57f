#include "lib/services/onc_rpc/rpc_service.h"

#include <algorithm>
#include <cstring>

namespace gl::onc_rpc {
namespace {

// Programs of privileged users ask from a port below 1024, but from none below this one (bindresvport(3)).
constexpr std::uint16_t kLeastCallerPort = 512;

// `length` bytes of `head`, `tail` and what fills that up, laid end to end, from `offset` on.
std::size_t copy_part(Bytes head, Bytes tail, std::uint64_t offset, MutableBytes out) noexcept {
  std::size_t written = 0;
  for (const Bytes part : {head, tail}) {
    if (offset < part.size() && written < out.size()) {
      const std::size_t length = std::min<std::size_t>(out.size() - written, part.size() - offset);
      std::memcpy(out.data() + written, part.data() + offset, length);
      written += length;
    }
    offset -= std::min<std::uint64_t>(offset, part.size());
  }
  const std::size_t padding = xdr_padded(tail.size()) - tail.size();
  const std::size_t fill =
      std::min<std::size_t>(out.size() - written, padding - std::min<std::uint64_t>(padding, offset));
  std::memset(out.data() + written, 0, fill);
  return written + fill;
}

}  // namespace

RpcService::RpcService(const AllowedNetworks& allowed, const Registry& registry, const Manner& manner)
    : DatagramService(Allowance{.factor = kFactor}),
      StreamService(kRecordMarkSize),
      allowed_(allowed),
      registry_(registry),
      most_reply_(manner.most_reply),
      answers_strangers_(manner.answers_strangers),
      heads_(manner.has_tails ? std::make_unique<std::array<Head, kHeads>>() : nullptr) {}

void RpcService::read_counters(CounterReader& reader) const {
#define X(name, help) reader.read(#name, name##_.value(), help);
  GL_RPC_COUNTERS(X)
#undef X
}

void RpcService::receive(const Datagram& datagram, DatagramSink& sink) noexcept {
  const bool allowed = is_allowed(allowed_, datagram.peer_address());
  if (!allowed && !answers_strangers_) return drop_not_allowed_.add();
  if (datagram.peer_port < kLeastCallerPort || registry_.is_asked_on(datagram.peer_port)) {
    return drop_source_port_.add();
  }
  const ParsedCall parsed = parse_call(datagram.payload);
  if (!is_heard(parsed, allowed)) return;
  CallContext context{Transport::udp, datagram.peer_address(), datagram.local_address(), allowed};
  context.verified = parsed.kind == ParsedCall::Kind::call && verifies(parsed.call, context);
  if (context.verified) sink.verified();
  const MutableBytes room = sink.room();
  const Written written = reply(parsed, context, room);
  if (written.kind != Answer::Kind::answered || written.length == 0) return;
  const std::size_t padded = xdr_padded(written.tail.size());
  if (padded > room.size() - written.length) return drop_no_room_.add();
  (void)copy_part({}, written.tail, 0, room.subspan(written.length, padded));
  (void)sink.send(datagram.local_port, written.length + padded);
}

Framed RpcService::next_request(Bytes stream, bool prefix_consumed) const noexcept {
  const auto skip = [this](const Call& call, XdrReader& reader) { return skip_arguments(call, reader); };
  const Framed framed = next_record(stream, prefix_consumed, skip);
  if (framed.kind == Framed::Kind::malformed) drop_record_.add();
  return framed;
}

Answer RpcService::answer(Bytes request, MutableBytes buffer, const RequestContext& context) noexcept {
  const std::size_t address_length = context.flow.size() == 12 ? 4 : 16;
  const Bytes peer = context.flow.first(address_length);
  const bool allowed = is_allowed(allowed_, peer);
  const ParsedCall parsed = parse_call(request);
  if (!is_heard(parsed, allowed)) return {allowed ? Answer::Kind::silent : Answer::Kind::malformed};
  const CallContext call{.transport = Transport::tcp,
                         .peer_address = peer,
                         .local_address = context.flow.subspan(address_length, address_length),
                         .allowed = allowed,
                         .verified = true,
                         .continuation = context.continuation,
                         .identity = context.identity};
  const Written written = reply(parsed, call, buffer.subspan(kRecordMarkSize, most_reply_));
  if (written.kind != Answer::Kind::answered) return {written.kind};
  if (written.length == 0) return {Answer::Kind::silent};
  const std::size_t length = written.length + xdr_padded(written.tail.size());
  store_be(buffer.data(), kLastFragment | static_cast<std::uint32_t>(length));
  if (!written.tail.empty()) return keep_head(written, buffer);
  return {.kind = Answer::Kind::answered, .length = kRecordMarkSize + length, .identity = written.identity};
}

Answer RpcService::keep_head(const Written& written, MutableBytes head) noexcept {
  Head& kept = (*heads_)[next_head_ % kHeads];
  const std::size_t length = kRecordMarkSize + written.length;
  if (length > kept.bytes.size()) [[unlikely]] {
    drop_no_room_.add();
    return {Answer::Kind::silent};
  }
  std::memcpy(kept.bytes.data(), head.data(), length);
  kept.length = static_cast<std::uint16_t>(length);
  kept.tail = written.tail;
  return {.kind = Answer::Kind::answered,
          .length = length + xdr_padded(written.tail.size()),
          .identity = written.identity,
          .rendered = false,
          .handle = next_head_++};
}

std::size_t RpcService::read(const Answer& answer, std::uint64_t offset, MutableBytes out) noexcept {
  const Head& head = (*heads_)[answer.handle % kHeads];
  return copy_part(Bytes(head.bytes).first(head.length), head.tail, offset, out);
}

// Counts what is dropped before anything is answered.
bool RpcService::is_heard(const ParsedCall& parsed, bool allowed) noexcept {
  using Kind = ParsedCall::Kind;
  if (!allowed && (!answers_strangers_ || parsed.kind != Kind::call)) return drop_not_allowed_.add(), false;
  if (parsed.kind == Kind::malformed) return drop_malformed_.add(), false;
  if (parsed.kind == Kind::not_a_call) return drop_not_a_call_.add(), false;
  return true;
}

RpcService::Written RpcService::reply(const ParsedCall& parsed, const CallContext& context, MutableBytes out) noexcept {
  if (parsed.kind == ParsedCall::Kind::call) return execute(parsed.call, context, out);
  XdrWriter writer(out);
  if (parsed.kind == ParsedCall::Kind::rpc_mismatch) {
    rpc_mismatch_.add();
    write_rpc_mismatch(writer, parsed.call.xid);
  } else {
    auth_errors_.add();
    write_auth_error(writer, parsed.call.xid, parsed.auth);
  }
  if (!writer.ok()) drop_no_room_.add();
  return {Answer::Kind::answered, writer.length()};
}

RpcService::Written RpcService::execute(const Call& call, const CallContext& context, MutableBytes out) noexcept {
  Results results{XdrWriter(out)};
  begin_reply(results.head, call.xid, AcceptStat::success);
  const Outcome outcome = this->call(call, context, results);
  if (outcome == Outcome::not_allowed) {
    drop_not_allowed_.add();
    return {Answer::Kind::malformed};
  }
  calls_.add();
  if (outcome == Outcome::none) return {};
  if (outcome == Outcome::unrepeatable) return {Answer::Kind::unrepeatable};
  if (outcome != Outcome::results) return {Answer::Kind::answered, refuse(call, outcome, out)};
  // A list that was cut would be a wrong answer, so there is none.
  const bool fits = results.head.ok() && results.head.left() >= xdr_padded(results.tail.size());
  if (!fits) return (context.verified ? drop_no_room_ : drop_amplification_).add(), Written{};
  answered_.add();
  return {Answer::Kind::answered, results.head.length(), results.tail, results.identity};
}

std::size_t RpcService::refuse(const Call& call, Outcome outcome, MutableBytes out) noexcept {
  XdrWriter writer(out);
  const VersionRange served = versions(call.program);
  switch (outcome) {
    case Outcome::prog_unavail:
      prog_unavail_.add();
      begin_reply(writer, call.xid, AcceptStat::prog_unavail);
      break;
    case Outcome::prog_mismatch:
      prog_mismatch_.add();
      write_prog_mismatch(writer, call.xid, served.low, served.high);
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
