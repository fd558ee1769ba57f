// How the front of a byte stream splits into requests.
// Ownership: the request is a view of the stream. Thread: plain value.
#pragma once

#include <cstddef>
#include <cstdint>

#include "lib/base/bytes.h"

namespace gl {

struct Framed {
  enum class Kind : std::uint8_t {
    complete,     // `request` is whole, and `consumed` bytes of stream (with its framing) belong to it
    prefix_only,  // exactly the length prefix and nothing after it
    incomplete,   // more bytes are needed
    malformed,    // no request can ever start here, or it is longer than the service takes
  };
  Kind kind = Kind::incomplete;
  Bytes request{};
  std::size_t consumed = 0;
};

}  // namespace gl
