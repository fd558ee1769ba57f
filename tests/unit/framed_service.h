// The framing that the TCP tests share: a request is a two-byte length prefix and so many bytes, or a message without
// its prefix that is all there is. What the answers are is each test's own. Thread: one.
#pragma once

#include "lib/base/endian.h"
#include "lib/service/service.h"

namespace gl::test {

class FramedService : public Service {
 public:
  void begin_burst(std::uint64_t) noexcept override {}
  Framed next_request(Bytes stream, bool prefix_consumed) const noexcept override {
    if (prefix_consumed) return {Framed::Kind::complete, stream, stream.size()};
    if (stream.size() < 2) return {};
    const std::size_t length = load_be<std::uint16_t>(stream.data());
    if (length > 4093) return {Framed::Kind::malformed, {}, 0};
    if (stream.size() == 2) return {Framed::Kind::prefix_only, {}, 0};
    if (stream.size() < 2 + length) return {};
    return {Framed::Kind::complete, stream.subspan(2, length), 2 + length};
  }
  Reply answer_datagram(Bytes, MutableBytes, const RequestContext&) noexcept override { return {}; }
};

}  // namespace gl::test
