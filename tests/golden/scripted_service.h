// A service whose requests say what their answer is to be: the test double behind the golden dialogues.
// A request's text is "LENGTH word NUMBER ...", its answer LENGTH bytes that depend on the whole text.
// Byte order: wire. Ownership: owns nothing. Thread: one. Errors: by value.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "lib/service/stream_service.h"

namespace gl::golden {

using ByteString = std::vector<std::uint8_t>;

enum class Framing : std::uint8_t {
  length_prefix,  // two bytes of length, big-endian, as in DNS over TCP (RFC 1035 section 4.2.2)
  blank_line,     // text up to and with an empty line, as in HTTP; the answer has no framing of its own
};

// One request of a dialogue, lengths with framing.
struct ScriptedQuery {
  enum class Kind : std::uint8_t {
    answer,  // `answer_length` bytes
    close,   // the same, and the service ends the connection with it
    silent,  // never answered
    reject,  // a request that the service calls malformed
    broken,  // bytes in which the framing can find no request
  };
  Kind kind = Kind::answer;
  std::size_t query_length = 0;
  std::size_t answer_length = 0;
};

// The bytes that a client sends for `query`; `number` makes equal queries differ. Throws if they do not fit.
[[nodiscard]] ByteString make_query(const ScriptedQuery& query, unsigned number, Framing framing);

class ScriptedService final : public StreamService {
 public:
  ScriptedService(Framing framing, std::size_t largest_reply)
      : StreamService(framing == Framing::length_prefix ? 2 : 0), framing_(framing), largest_reply_(largest_reply) {}

  // From now on every answer has other bytes, and an answer begun before cannot be continued.
  void change() noexcept { ++version_; }
  void may_close(bool closes) noexcept { may_close_ = closes; }
  // From now on answers are not there yet, or are again.
  void wait(bool waiting) noexcept { waiting_ = waiting; }

  [[nodiscard]] Framed next_request(Bytes stream, bool prefix_consumed) const noexcept override;
  [[nodiscard]] Answer answer(Bytes request, MutableBytes out, const RequestContext& context) noexcept override;
  [[nodiscard]] bool may_close() const noexcept override { return may_close_; }
  [[nodiscard]] bool takes_time() const noexcept override { return true; }
  [[nodiscard]] bool has_idempotent_requests() const noexcept override { return true; }
  [[nodiscard]] std::size_t largest_answer() const noexcept override { return largest_reply_; }

 private:
  Framing framing_;
  std::size_t largest_reply_;
  std::uint8_t version_ = 0;
  bool waiting_ = false;
  bool may_close_ = false;
};

}  // namespace gl::golden
