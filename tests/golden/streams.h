// The two byte streams of a dialogue: what the client has to say, and what it must read in return.
// Ownership: values. Thread: any.
#pragma once

#include <cstddef>
#include <span>

#include "tests/golden/scripted_service.h"

namespace gl::golden {

struct Streams {
  ByteString client;
  ByteString server;
  std::size_t largest_answer = 0;
};

// The client says `queries`, and `service` answers each of them once.
[[nodiscard]] Streams make_streams(std::span<const ByteString> queries, StreamService& service);
[[nodiscard]] Streams make_streams(std::span<const ScriptedQuery> queries, Framing framing);

}  // namespace gl::golden
