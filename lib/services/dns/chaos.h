// Class CHAOS: which server is this. TXT records made from the settings.
// Byte order: wire. Ownership: writes into the caller's buffer. Errors: REFUSED. Packet path: no allocation.
// Source: RFC 4892 (id.server), and long custom for version.bind.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <string_view>

#include "lib/dns/message.h"

namespace gl::services {

struct ChaosNames {
  std::string_view version;    // empty: not told
  std::string_view server_id;  // empty: not told
};

namespace detail {
[[nodiscard]] inline bool is_name(const dns::Name& name, std::string_view wire) noexcept {
  return name.length == wire.size() && std::memcmp(name.bytes.data(), wire.data(), wire.size()) == 0;
}
}  // namespace detail

// The text that the question asks for; empty: refused.
[[nodiscard]] inline std::string_view chaos_text(const dns::Question& question, const ChaosNames& names) noexcept {
  using namespace std::string_view_literals;
  if (question.type != dns::rr::txt && question.type != dns::rr::any) return {};
  const dns::Name& name = question.name;
  if (detail::is_name(name, "\7version\4bind\0"sv) || detail::is_name(name, "\7version\6server\0"sv)) {
    return names.version.substr(0, 255);
  }
  if (detail::is_name(name, "\2id\6server\0"sv) || detail::is_name(name, "\10hostname\4bind\0"sv)) {
    return names.server_id.substr(0, 255);
  }
  return {};
}

// One TXT record owned by the question's name; returns its size, at most chaos_record_size(text).
[[nodiscard]] constexpr std::size_t chaos_record_size(std::string_view text) noexcept {
  return 13 + text.size();
}
inline void write_chaos_record(std::uint8_t* to, std::string_view text) noexcept {
  store_be<std::uint16_t>(to, 0xc000 | dns::kHeaderSize);
  store_be<std::uint16_t>(to + 2, dns::rr::txt);
  store_be<std::uint16_t>(to + 4, dns::rr_class::ch);
  store_be<std::uint32_t>(to + 6, 0);
  store_be<std::uint16_t>(to + 10, static_cast<std::uint16_t>(1 + text.size()));
  to[12] = static_cast<std::uint8_t>(text.size());
  std::memcpy(to + 13, text.data(), text.size());
}

}  // namespace gl::services
