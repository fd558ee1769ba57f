// DNS cookies: the server cookie that diverse servers behind one address agree on, and its check.
// COOKIE option = [client cookie 8 | version 1 | reserved 3 | timestamp 4 | hash 8], hash = SipHash-2-4 (libsodium)
// under the server secret, over all that stands before it and the client's address. Units: seconds since 1970, modulo
// 2^32. Byte order: options and addresses as on the wire, times host. Ownership: spans are borrowed for the call.
// Thread: pure functions; CookiePublication is written by the main core and read by any. Errors: by CookieStanding.
// Source: RFC 7873 sections 4 and 5.2, RFC 9018 section 4.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

#include "lib/base/bytes.h"

namespace gl::dns {

inline constexpr std::size_t kClientCookieSize = 8;
inline constexpr std::size_t kServerCookieSize = 16;  // of ours; those of other servers have 8 to 32 bytes
inline constexpr std::size_t kCookieSize = kClientCookieSize + kServerCookieSize;

using CookieSecret = std::array<std::uint8_t, 16>;

// `current` makes server cookies; while secrets are rotated, those of `other` are good as well.
struct CookieSecrets {
  CookieSecret current{};
  CookieSecret other{};
  bool has_other = false;
};

// What the main core publishes: the secrets, freed after a quiescent state, and the wall clock, which a core cannot ask
// for without a system call.
struct CookiePublication {
  std::atomic<const CookieSecrets*> secrets{nullptr};
  std::atomic<std::uint32_t> unix_time{0};
};

enum class CookieStanding : std::uint8_t {
  absent,
  malformed,    // of a length that no COOKIE option has: FORMERR (RFC 7873 section 5.2.2)
  client_only,  // RFC 7873 section 5.2.3
  invalid,      // a server cookie that is none of ours, or too old, or from the future (section 5.2.4)
  valid,        // section 5.2.5: the client receives what is sent to its address
};
struct CheckedCookie {
  CookieStanding standing = CookieStanding::absent;
  bool fresh = false;  // valid, and the client may go on with it; otherwise it is to get a new one
};

// `option` is the data of the first COOKIE option, `client` the address that it came from, 4 or 16 bytes.
[[nodiscard]] CheckedCookie check_cookie(const CookieSecrets& secrets, Bytes option, Bytes client,
                                         std::uint32_t now) noexcept;

// Writes a whole COOKIE option's data of kCookieSize bytes. `client_cookie` has kClientCookieSize.
void write_cookie(const CookieSecret& secret, const std::uint8_t* client_cookie, Bytes client, std::uint32_t time,
                  std::uint8_t* to) noexcept;

}  // namespace gl::dns
