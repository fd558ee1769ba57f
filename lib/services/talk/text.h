// Text of strangers, made fit to be printed on a terminal or written to a log.
// Thread: pure functions. Sources: RFC 3629 (UTF-8), ECMA-48 (control characters), UAX #9 (bidirectional text).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace gl::services {

// One line, without its end: printable ASCII, tabs and well-formed UTF-8 stay; control characters of both kinds, what
// turns the direction of text or ends a line elsewhere, and bytes that are no UTF-8 become \xHH; a backslash is
// doubled.
[[nodiscard]] std::string harmless(std::string_view line);

// `message from <192.0.2.1,40001>: text`, a line for each line of the text, so that no sender speaks for another.
// `address` and `port` as they are to be shown.
[[nodiscard]] std::string talk_lines(std::string_view address, std::uint16_t port, std::string_view text);

}  // namespace gl::services
