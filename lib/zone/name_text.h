// Names and types as an operator writes them, into what the wire has. ldns reads them, escapes (\DDD, \X) included.
// Byte order: wire. Ownership: the caller's. Thread: main core. Errors: one line, without the flag's name.
// Source: RFC 1035 section 5.1 (names), RFC 3597 section 5 (TYPEnnn).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "lib/base/result.h"

namespace gl::zone {

// Wire form, lower case, uncompressed. The final dot may be left out; "." is the root.
[[nodiscard]] Result<std::vector<std::uint8_t>> name_from_text(const std::string& text);
// A mnemonic or TYPEnnn of a type that can be asked for; ANY, transfers and what belongs to a message alone are none.
[[nodiscard]] Result<std::uint16_t> type_from_text(const std::string& text);

}  // namespace gl::zone
