#include "lib/services/onc_rpc/message.h"

namespace gl::onc_rpc {
namespace {

constexpr std::uint32_t kCall = 0;
constexpr std::uint32_t kReply = 1;
constexpr std::uint32_t kAccepted = 0;
constexpr std::uint32_t kDenied = 1;
constexpr std::uint32_t kRejectedVersion = 0;
constexpr std::uint32_t kRejectedAuth = 1;

// Appendix A: stamp, machine name, user, group, further groups.
bool read_auth_sys(Bytes body, Caller& caller) noexcept {
  XdrReader reader(body);
  reader.u32();
  (void)reader.opaque(255);
  caller.user = reader.u32();
  caller.group = reader.u32();
  const std::uint32_t groups = reader.u32();
  if (groups > 16) return false;
  caller.further_groups = reader.rest();
  reader.skip(std::size_t{4} * groups);
  caller.named = reader.at_end();
  return caller.named;
}

// A credential or verifier whose body is longer than it may be is stepped over no more.
struct OpaqueAuth {
  std::uint32_t flavor = 0;
  bool too_long = false;
  Bytes body{};
};
OpaqueAuth read_auth(XdrReader& reader) noexcept {
  OpaqueAuth auth{reader.u32()};
  const Bytes rest = reader.rest();
  auth.too_long = rest.size() >= 4 && load_be<std::uint32_t>(rest.data()) > kMaxAuthBody;
  auth.body = reader.opaque(kMaxAuthBody);
  return auth;
}

void write_reply(XdrWriter& out, std::uint32_t xid, std::uint32_t stat) noexcept {
  out.u32(xid);
  out.u32(kReply);
  out.u32(stat);
}

}  // namespace

ParsedCall parse_call(Bytes message) noexcept {
  using Kind = ParsedCall::Kind;
  XdrReader reader(message);
  ParsedCall parsed;
  parsed.call.xid = reader.u32();
  const std::uint32_t type = reader.u32();
  const std::uint32_t version = reader.u32();
  if (!reader.ok()) return parsed;
  parsed.kind = type != kCall ? Kind::not_a_call : Kind::rpc_mismatch;
  if (type != kCall || version != kRpcVersion) return parsed;
  parsed.kind = Kind::malformed;
  parsed.call.program = reader.u32();
  parsed.call.version = reader.u32();
  parsed.call.procedure = reader.u32();
  const OpaqueAuth credential = read_auth(reader);
  if (!reader.ok() && !credential.too_long) return parsed;
  parsed.kind = Kind::auth_error;
  if (credential.too_long) return parsed;
  const bool sys = credential.flavor == static_cast<std::uint32_t>(AuthFlavor::sys);
  const bool none = credential.flavor == static_cast<std::uint32_t>(AuthFlavor::none);
  if (!sys && !none) parsed.auth = AuthStat::rejected_cred;
  if ((!sys && !none) || (sys && !read_auth_sys(credential.body, parsed.call.caller))) return parsed;
  const OpaqueAuth verifier = read_auth(reader);
  parsed.auth = AuthStat::bad_verf;
  if (verifier.too_long) return parsed;
  parsed.kind = Kind::malformed;
  if (!reader.ok()) return parsed;
  parsed.kind = Kind::call;
  parsed.call.arguments = reader.rest();
  return parsed;
}

void begin_reply(XdrWriter& out, std::uint32_t xid, AcceptStat stat) noexcept {
  write_reply(out, xid, kAccepted);
  out.u32(static_cast<std::uint32_t>(AuthFlavor::none));  // the verifier, which is empty
  out.u32(0);
  out.u32(static_cast<std::uint32_t>(stat));
}

void write_prog_mismatch(XdrWriter& out, std::uint32_t xid, std::uint32_t low, std::uint32_t high) noexcept {
  begin_reply(out, xid, AcceptStat::prog_mismatch);
  out.u32(low);
  out.u32(high);
}

void write_rpc_mismatch(XdrWriter& out, std::uint32_t xid) noexcept {
  write_reply(out, xid, kDenied);
  out.u32(kRejectedVersion);
  out.u32(kRpcVersion);
  out.u32(kRpcVersion);
}

void write_auth_error(XdrWriter& out, std::uint32_t xid, AuthStat why) noexcept {
  write_reply(out, xid, kDenied);
  out.u32(kRejectedAuth);
  out.u32(static_cast<std::uint32_t>(why));
}

}  // namespace gl::onc_rpc
