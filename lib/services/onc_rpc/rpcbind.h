// The rpcbind program, versions 2 (the portmapper), 3 and 4: which port a program has. It tells, and takes nothing: SET
// and UNSET return false, and calls to others are not forwarded (CALLIT, BCAST, INDIRECT), which is what it was misused
// for.
// Byte order: wire in spans, host in values. Ownership: borrows the mappings. Thread: pure functions. Errors: ONC RPC's
// own. Source: RFC 1833.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "lib/base/bytes.h"
#include "lib/services/onc_rpc/mappings.h"
#include "lib/services/onc_rpc/message.h"
#include "lib/services/onc_rpc/rpc_service.h"

namespace gl::onc_rpc {

inline constexpr std::uint32_t kRpcbindProgram = 100000;
inline constexpr std::uint32_t kRpcbindLowest = 2;
inline constexpr std::uint32_t kRpcbindHighest = 4;
inline constexpr std::uint16_t kRpcbindPort = 111;

// Writes the results behind the beginning of a successful reply. `unix_time`: seconds. Outcome::none: it would have to
// be forwarded.
[[nodiscard]] Outcome call_rpcbind(const Mappings& mappings, const Call& call, const CallContext& context,
                                   std::uint32_t unix_time, XdrWriter& results) noexcept;
// Steps over the arguments of a call; false: it is not known what they are.
[[nodiscard]] bool skip_rpcbind_arguments(const Call& call, XdrReader& reader) noexcept;

// An address as rpcbind writes it: `192.0.2.53.0.111` (RFC 5665 section 5.2.3). Writes to `room`, and returns it.
inline constexpr std::size_t kMaxUniversalAddress = 64;
[[nodiscard]] std::string_view universal_address(Bytes address, std::uint16_t port,
                                                 std::span<char, kMaxUniversalAddress> room) noexcept;

}  // namespace gl::onc_rpc
