// One HTTP/1.x request at the front of a stream: cut out and checked in one walk, strictly, because where a request
// ends must never be a matter of opinion between two programs (request smuggling).
// Units: bytes. Ownership: every view is of the stream. Thread: pure functions. Errors: the status to refuse it with.
// Sources: RFC 9112 sections 2 to 6 and 11.2, RFC 9110 sections 5, 7.2 and 9.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "lib/base/bytes.h"

namespace gl::http {

// What our window holds of one request. A longer one is refused when so much of it has come.
inline constexpr std::size_t kMaxRequest = 4000;
inline constexpr std::size_t kMaxTarget = 2048;

enum class Method : std::uint8_t { get, head, options, not_allowed, unknown };

struct Request {
  Method method = Method::unknown;
  bool http10 = false;
  bool close = false;      // the client wants the connection to end with this answer
  bool has_body = false;   // one follows, which nobody reads
  std::string_view path;   // percent-encoded, beginning with a slash; "*" of OPTIONS
  std::string_view query;  // behind the question mark, which is not part of it
  bool has_query = false;  // there is a question mark, though perhaps nothing behind it
  std::string_view host;   // of Host, or of an absolute target
  std::string_view accept_encoding;
  std::string_view if_match;
  std::string_view if_none_match;
  std::string_view if_modified_since;
  std::string_view if_unmodified_since;
  std::string_view if_range;
  std::string_view range;
};

struct Parsed {
  enum class Kind : std::uint8_t {
    incomplete,
    complete,  // `request`
    refused,   // `status`; the connection ends with the answer
  };
  Kind kind = Kind::incomplete;
  std::uint16_t status = 0;
  std::size_t length = 0;  // of the stream, up to the end of the header section, or of what shows that it is refused
  Request request{};
};

// The same bytes are always read the same way, however many follow them.
[[nodiscard]] Parsed parse_request(Bytes stream) noexcept;

// Percent-decoded once, dot segments and repeated slashes taken out (RFC 3986 section 5.2.4). Empty: not a path: it
// leads above the root, or holds a NUL or an escape that is none.
[[nodiscard]] std::string_view decode_path(std::string_view path, std::span<char> room) noexcept;

}  // namespace gl::http
