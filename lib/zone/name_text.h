// Names and types as an operator writes them, into what the wire has, and back. ldns reads and writes them, escapes
// (\DDD, \X) included.
// Byte order: wire. Ownership: the caller's. Thread: main core. Errors: one line, without the flag's name.
// Source: RFC 1035 section 5.1 (names), RFC 3597 section 5 (TYPEnnn).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "lib/base/bytes.h"
#include "lib/base/result.h"

namespace gl::zone {

[[nodiscard]] inline Bytes as_bytes(std::string_view s) noexcept {
  return {reinterpret_cast<const std::uint8_t*>(s.data()), s.size()};  // NOLINT: char and uint8_t may alias
}
[[nodiscard]] inline std::string_view as_chars(Bytes b) noexcept {
  return {reinterpret_cast<const char*>(b.data()), b.size()};  // NOLINT
}

// Whether `name` is `ancestor` or below it; both in wire form, lower case.
[[nodiscard]] inline bool is_within(std::string_view name, std::string_view ancestor) noexcept {
  while (name.size() > ancestor.size()) name.remove_prefix(1U + static_cast<std::uint8_t>(name.front()));
  return name == ancestor;
}

// A wire name as people write it.
[[nodiscard]] std::string to_text(std::string_view wire_name);
// Wire form, lower case, uncompressed. The final dot may be left out; "." is the root.
[[nodiscard]] Result<std::vector<std::uint8_t>> name_from_text(const std::string& text);
// A mnemonic or TYPEnnn of a type that can be asked for; ANY, transfers and what belongs to a message alone are none.
[[nodiscard]] Result<std::uint16_t> type_from_text(const std::string& text);

}  // namespace gl::zone
