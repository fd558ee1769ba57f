// ONC RPC messages: calls that come in, and the beginnings of replies.
// Byte order: wire in spans, host in values. Ownership: arguments and groups are views of the message. Thread: pure
// functions. Errors: by value. Source: RFC 5531 sections 8, 9 and 11, appendix A.
#pragma once

#include <cstddef>
#include <cstdint>

#include "lib/base/bytes.h"
#include "lib/base/framed.h"
#include "lib/services/onc_rpc/xdr.h"

namespace gl::onc_rpc {

inline constexpr std::uint32_t kRpcVersion = 2;
inline constexpr std::size_t kMaxAuthBody = 400;  // section 8.2

enum class AcceptStat : std::uint32_t {
  success = 0,
  prog_unavail = 1,
  prog_mismatch = 2,
  proc_unavail = 3,
  garbage_args = 4,
  system_err = 5
};
enum class AuthStat : std::uint32_t { bad_cred = 1, rejected_cred = 2, bad_verf = 3, too_weak = 5 };
enum class AuthFlavor : std::uint32_t { none = 0, sys = 1 };

// Who a caller says he is (appendix A). Nobody checks that.
struct Caller {
  bool named = false;  // AUTH_SYS; what follows means nothing otherwise
  std::uint32_t user = 0;
  std::uint32_t group = 0;
  Bytes further_groups{};  // 4 bytes each, big-endian

  [[nodiscard]] bool is_in(std::uint32_t other) const noexcept {
    if (group == other) return true;
    for (std::size_t at = 0; at + 4 <= further_groups.size(); at += 4) {
      if (load_be<std::uint32_t>(further_groups.data() + at) == other) return true;
    }
    return false;
  }
};

struct Call {
  std::uint32_t xid = 0;
  std::uint32_t program = 0;
  std::uint32_t version = 0;
  std::uint32_t procedure = 0;
  Caller caller{};
  Bytes arguments{};
};

struct ParsedCall {
  enum class Kind : std::uint8_t {
    call,          // to be executed
    not_a_call,    // a reply, or something else: is never answered
    rpc_mismatch,  // another version of RPC
    auth_error,    // `auth` says why
    malformed,     // ends within its header: is never answered
  };
  Kind kind = Kind::malformed;
  AuthStat auth = AuthStat::bad_cred;
  Call call{};
};

[[nodiscard]] ParsedCall parse_call(Bytes message) noexcept;

// The reply up to its results: which the caller writes, where `stat` is `success`.
void begin_reply(XdrWriter& out, std::uint32_t xid, AcceptStat stat) noexcept;
void write_prog_mismatch(XdrWriter& out, std::uint32_t xid, std::uint32_t low, std::uint32_t high) noexcept;
void write_rpc_mismatch(XdrWriter& out, std::uint32_t xid) noexcept;
void write_auth_error(XdrWriter& out, std::uint32_t xid, AuthStat why) noexcept;

// Record marking over TCP (section 11): the length of a fragment, and whether it is the record's last one, in front of
// it. A call in several fragments is refused.
inline constexpr std::size_t kRecordMarkSize = 4;
inline constexpr std::uint32_t kLastFragment = 0x80000000;
inline constexpr std::size_t kMaxRecord = 2048;

// The record at the front of `stream`. Where its mark was consumed, it is as long as the call says itself.
// `skip_arguments(call, reader)`: steps over the arguments of a call; false: does not know them.
template <class SkipArguments>
[[nodiscard]] Framed next_record(Bytes stream, bool mark_consumed, SkipArguments skip_arguments) noexcept {
  using Kind = Framed::Kind;
  if (mark_consumed) {
    // How long it is was acknowledged earlier and is nobody's knowledge now: the call has to say it.
    const Bytes window = stream.first(std::min(stream.size(), kMaxRecord));
    XdrReader reader(window);
    const ParsedCall parsed = parse_call(window);
    const Kind unfinished = stream.size() >= kMaxRecord ? Kind::malformed : Kind::incomplete;
    if (parsed.kind == ParsedCall::Kind::malformed) return {unfinished};
    if (parsed.kind != ParsedCall::Kind::call) return {Kind::malformed};
    reader.skip(window.size() - parsed.call.arguments.size());
    if (!skip_arguments(parsed.call, reader)) return {Kind::malformed};
    if (!reader.ok()) return {unfinished};
    return {Kind::complete, window.first(reader.at()), reader.at()};
  }
  if (stream.size() < kRecordMarkSize) return {Kind::incomplete};
  const auto mark = load_be<std::uint32_t>(stream.data());
  const std::size_t length = mark & ~kLastFragment;
  if ((mark & kLastFragment) == 0 || length > kMaxRecord || length == 0) return {Kind::malformed};
  if (stream.size() == kRecordMarkSize) return {Kind::prefix_only};
  if (stream.size() < kRecordMarkSize + length) return {Kind::incomplete};
  return {Kind::complete, stream.subspan(kRecordMarkSize, length), kRecordMarkSize + length};
}

}  // namespace gl::onc_rpc
