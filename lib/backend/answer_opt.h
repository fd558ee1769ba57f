// The OPT of an answer to a client.
// Byte order: wire. Ownership: borrows the options. Thread: pure functions. Errors: none, the caller has checked room.
// Sources: RFC 6891 6.1, RFC 7873, RFC 7828 3.3.2 (keepalive only to who asked, over TCP), RFC 8914 section 2.
#pragma once

#include <cstddef>
#include <cstdint>

#include "lib/backend/client_query.h"
#include "lib/backend/edns_options.h"
#include "lib/backend/settings.h"
#include "lib/dns/edns.h"

namespace gl::backend {

inline constexpr std::uint16_t kNoInfo = 0xffff;

struct AnswerOpt {
  bool present = false;
  bool dnssec_ok = false;
  std::uint16_t payload = 0;
  std::uint16_t keepalive = 0;   // in 100 ms; 0: no such option
  std::uint16_t info = kNoInfo;  // of an extended error
  std::uint16_t rcode = 0;       // 12 bits
  Bytes cookie{};                // ours; empty: no such option
  Bytes options{};               // of a backend
  OwnOptions without{};          // but these
  std::size_t options_size = 0;  // of those that stay

  // For this client, who may have no EDNS.
  AnswerOpt(const ClientQuery& query, const ForwardSettings& settings, bool stream, std::uint16_t answer_rcode) noexcept
      : present(query.edns),
        dnssec_ok(query.dnssec_ok),
        payload(settings.max_udp),
        rcode(answer_rcode),
        cookie(query.answer_cookie) {
    if (stream && query.keepalive) keepalive = settings.tcp_keepalive;
  }
  void pass_on(Bytes backend_options, OwnOptions own) noexcept {
    options = backend_options;
    without = own;
    options_size = copy_options(options, without, nullptr);
  }
  // Nothing but what has to be; a cookie last.
  void shorten(std::size_t room) noexcept {
    options = {};
    options_size = keepalive = 0;
    info = kNoInfo;
    if (size() > room) cookie = {};
  }
  [[nodiscard]] std::size_t size() const noexcept {
    if (!present) return 0;
    return dns::kOptSize + options_size + (info == kNoInfo ? 0 : 6U) + (keepalive == 0 ? 0 : 6U) +
           (cookie.empty() ? 0 : 4 + cookie.size());
  }
  void write(std::uint8_t* to) const noexcept {
    if (!present) return;
    dns::write_opt(to, payload, static_cast<dns::Rcode>(rcode), dnssec_ok, {.cookie = cookie});
    store_be(to + dns::kOptSize - 2, static_cast<std::uint16_t>(size() - dns::kOptSize));
    to += dns::opt_size({.cookie = cookie});
    to += copy_options(options, without, to);
    if (info != kNoInfo) to = write_u16(to, kOptionExtendedError, info);
    if (keepalive != 0) write_u16(to, dns::kOptionTcpKeepalive, keepalive);
  }

 private:
  static std::uint8_t* write_u16(std::uint8_t* to, std::uint16_t code, std::uint16_t value) noexcept {
    store_be(to, code);
    store_be<std::uint16_t>(to + 2, 2);
    store_be(to + 4, value);
    return to + 6;
  }
};

}  // namespace gl::backend
