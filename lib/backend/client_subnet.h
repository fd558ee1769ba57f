// EDNS client subnet: the client's network, told to a backend by us.
// Byte order: wire. Ownership: writes into the caller's buffer. Thread: pure functions. Errors: none.
// Source: RFC 7871 section 6 (format), 7.1.2 (what stands behind the prefix is zero; scope 0 in a query), 7.2.2.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "lib/backend/client_query.h"
#include "lib/backend/edns_options.h"
#include "lib/backend/flow_ends.h"
#include "lib/backend/settings.h"

namespace gl::backend {

inline constexpr std::size_t kMaxSubnetOption = 4 + 4 + 16;

// Bits of the client's address that we tell; 0: we tell nothing. A client that sends the option itself has said what is
// to be known of it, and what is signed or is no question goes on as it came.
[[nodiscard]] inline unsigned subnet_prefix(const ClientQuery& query, const ForwardSettings& settings,
                                            Bytes flow) noexcept {
  if (query.kind != ClientQuery::Kind::query || query.is_signed) return 0;
  const std::size_t address = client_address(flow).size();
  const unsigned bits = address == 4 ? settings.ecs_v4 : address == 16 ? settings.ecs_v6 : 0U;
  if (bits == 0 || has_option(query.options, kOptionSubnet)) return 0;
  return bits < 8 * address ? bits : static_cast<unsigned>(8 * address);
}

// Whether the backend's client subnet option answers ours, not the client's.
[[nodiscard]] inline bool adds_subnet(const ClientQuery& query, const ForwardSettings& settings, Bytes flow) noexcept {
  return subnet_prefix(query, settings, flow) != 0;
}

// Writes the option for the first `prefix` bits of `address`, 4 or 16 bytes; returns its size.
inline std::size_t write_subnet(Bytes address, unsigned prefix, std::uint8_t* to) noexcept {
  const std::size_t bytes = (prefix + 7) / 8;
  store_be<std::uint16_t>(to, kOptionSubnet);
  store_be<std::uint16_t>(to + 2, static_cast<std::uint16_t>(4 + bytes));
  store_be<std::uint16_t>(to + 4, address.size() == 4 ? 1 : 2);  // family, as IANA numbers them
  to[6] = static_cast<std::uint8_t>(prefix);
  to[7] = 0;  // scope
  std::memcpy(to + 8, address.data(), bytes);
  if (prefix % 8 != 0) to[7 + bytes] &= static_cast<std::uint8_t>(0xff << (8 - prefix % 8));
  return 8 + bytes;
}

}  // namespace gl::backend
