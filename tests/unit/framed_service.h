// The framing that the TCP tests share: a request is a two-byte length prefix and so many bytes, or a message without
// its prefix that is all there is. What the answers are is each test's own. Thread: one.
#pragma once

#include "lib/base/endian.h"
#include "lib/service/stream_service.h"

namespace gl::test {

class FramedService : public StreamService {
 public:
  FramedService() : StreamService(2) {}
  Framed next_request(Bytes stream, bool prefix_consumed) const noexcept override {
    if (prefix_consumed) return {Framed::Kind::complete, stream, stream.size()};
    if (stream.size() < 2) return {};
    const std::size_t length = load_be<std::uint16_t>(stream.data());
    if (length > 4093) return {Framed::Kind::malformed, {}, 0};
    if (stream.size() == 2) return {Framed::Kind::prefix_only, {}, 0};
    if (stream.size() < 2 + length) return {};
    return {Framed::Kind::complete, stream.subspan(2, length), 2 + length};
  }
};

}  // namespace gl::test
