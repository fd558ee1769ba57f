// EDNS(0): the OPT pseudo-record of a query, and ours in the answer.
// Byte order: wire; values in host order. Ownership: none kept. Errors: false means FORMERR.
// Source: RFC 6891 6.1, RFC 3225 (DO), RFC 5001 (NSID), RFC 7828 (edns-tcp-keepalive), RFC 7873 section 4 (COOKIE).
#pragma once

#include <cstdint>
#include <cstring>
#include <string_view>

#include "lib/dns/message.h"

namespace gl::dns {

inline constexpr std::size_t kOptSize = 11;  // root name, type, class, ttl, rdlength
inline constexpr std::uint16_t kOptionNsid = 3;
inline constexpr std::uint16_t kOptionCookie = 10;
inline constexpr std::uint16_t kOptionTcpKeepalive = 11;

struct Edns {
  bool present = false;
  bool dnssec_ok = false;
  bool nsid = false;
  bool keepalive = false;            // edns-tcp-keepalive: a client's is empty (RFC 7828 3.2.1)
  bool keepalive_malformed = false;  // one with a value
  bool has_cookie = false;
  std::uint8_t version = 0;
  std::uint16_t payload = 0;
  Bytes cookie;  // where `has_cookie`: the data of the first COOKIE option, of any length (RFC 7873 section 5.2)
};

namespace detail {
// Options that we do not know are passed over (RFC 6891 6.1.2), but have to add up to the record's length.
[[nodiscard]] inline bool parse_options(Bytes rdata, Edns& edns) noexcept {
  Cursor options(rdata);
  while (options.ok() && !options.done()) {
    const std::uint16_t code = options.u16();
    const std::uint16_t length = options.u16();
    const Bytes data = options.bytes(length);
    if (code == kOptionCookie && !edns.has_cookie) {
      edns.has_cookie = true;
      edns.cookie = data;
    }
    if (code == kOptionNsid) edns.nsid = true;
    if (code == kOptionTcpKeepalive) (length == 0 ? edns.keepalive : edns.keepalive_malformed) = true;
  }
  return options.ok();
}
}  // namespace detail

// Reads `count` records of the additional section, which have to fill the message to its end. At most one OPT, owned
// by the root; any other record is passed over.
[[nodiscard]] inline bool parse_additional(Bytes message, std::size_t at, std::uint16_t count, Edns& edns) noexcept {
  Cursor cursor(message, at);
  for (; count > 0 && cursor.ok(); --count) {
    const std::size_t name_at = cursor.at();
    cursor.skip_name();
    const bool root = cursor.at() == name_at + 1;
    const std::uint16_t type = cursor.u16();
    const std::uint16_t payload = cursor.u16();
    const std::uint32_t ttl = cursor.u32();
    const Bytes rdata = cursor.bytes(cursor.u16());
    if (type != rr::opt || !cursor.ok()) continue;
    if (edns.present || !root || !detail::parse_options(rdata, edns)) return false;
    edns.present = true;
    edns.payload = payload;
    edns.version = static_cast<std::uint8_t>(ttl >> 16);
    edns.dnssec_ok = (ttl & 0x8000U) != 0;
  }
  return cursor.done();
}

// The options of our OPT.
struct OptOptions {
  std::string_view nsid{};      // empty: no such option
  std::uint16_t keepalive = 0;  // idle timeout in units of 100 ms; 0: no such option
  Bytes cookie{};               // data of COOKIE; empty: no such option
};

[[nodiscard]] constexpr std::size_t opt_size(const OptOptions& options) noexcept {
  return kOptSize + (options.nsid.empty() ? 0 : 4 + options.nsid.size()) + (options.keepalive == 0 ? 0 : 6) +
         (options.cookie.empty() ? 0 : 4 + options.cookie.size());
}

// Writes our OPT; the caller has seen that opt_size(options) bytes fit.
inline void write_opt(std::uint8_t* to, std::uint16_t payload, Rcode rcode, bool dnssec_ok,
                      const OptOptions& options) noexcept {
  to[0] = 0;
  store_be<std::uint16_t>(to + 1, rr::opt);
  store_be<std::uint16_t>(to + 3, payload);
  to[5] = static_cast<std::uint8_t>(static_cast<std::uint16_t>(rcode) >> 4);
  to[6] = 0;  // version
  store_be<std::uint16_t>(to + 7, dnssec_ok ? 0x8000 : 0);
  store_be<std::uint16_t>(to + 9, static_cast<std::uint16_t>(opt_size(options) - kOptSize));
  to += kOptSize;
  if (!options.nsid.empty()) {
    store_be<std::uint16_t>(to, kOptionNsid);
    store_be<std::uint16_t>(to + 2, static_cast<std::uint16_t>(options.nsid.size()));
    std::memcpy(to + 4, options.nsid.data(), options.nsid.size());
    to += 4 + options.nsid.size();
  }
  if (!options.cookie.empty()) {
    store_be(to, kOptionCookie);
    store_be(to + 2, static_cast<std::uint16_t>(options.cookie.size()));
    std::memcpy(to + 4, options.cookie.data(), options.cookie.size());
    to += 4 + options.cookie.size();
  }
  if (options.keepalive == 0) return;
  store_be<std::uint16_t>(to, kOptionTcpKeepalive);
  store_be<std::uint16_t>(to + 2, 2);
  store_be<std::uint16_t>(to + 4, options.keepalive);
}

}  // namespace gl::dns
