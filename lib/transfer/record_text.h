// Records as lines of text that any reader of zone files takes, and that need no knowledge of types: absolute names,
// `OWNER TTL IN TYPEnn \# LENGTH HEX` (RFC 3597 section 5). What is written here is read here again, strictly.
// Ownership: values. Thread: pure functions. Errors: false.
#pragma once

#include <string>
#include <string_view>

#include "lib/transfer/record.h"

namespace gl::transfer {

// With the end of the line.
void append_line(std::string& text, const Record& record);
// `line` without its end. False: it is not of that shape.
[[nodiscard]] bool parse_line(std::string_view line, Record& record);

// An absolute name as text: what is no letter, digit, `-`, `_` or `*` becomes \DDD.
void append_name(std::string& text, std::string_view wire_name);

}  // namespace gl::transfer
