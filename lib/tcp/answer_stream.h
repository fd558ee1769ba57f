// The answers to the requests of one segment, laid end to end as the client is to read them: those that a service
// rendered in a buffer, the others read from the service when a segment is written.
// Units: bytes. Ownership: the buffer is the responder's, reused by every segment. Thread: one core's own.
// Sources: RFC 7766 section 6.2.1 (several queries a segment), RFC 1035 section 4.2.2 (length prefix).
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "lib/base/bytes.h"
#include "lib/service/stream_service.h"
#include "lib/tcp/cookie.h"
#include "lib/wire/seqnum.h"

namespace gl::tcp {

// Answers of one segment's queries stop at this size; queries beyond are neither answered nor acknowledged.
// It keeps several steps of the ledger below 2^31, and so TSval from ever going backwards.
inline constexpr std::size_t kMaxAnswersPerSegment = std::size_t{64} * 1024;
// What was counted in several steps may have to be rendered at once, if all of those ACKs were lost.
inline constexpr std::size_t kMaxAnswersRepeated = 2 * kMaxAnswersPerSegment;

// Why reading queries stopped.
enum class Stop : std::uint8_t {
  end,           // every byte belongs to a complete query
  boundary,      // the asked-for number of bytes is consumed
  prefix_only,   // the rest is a length prefix alone
  incomplete,    // the rest is the beginning of a query
  malformed,     // the rest holds no query
  full,          // the next answer does not fit any more
  unrepeatable,  // a begun answer can not be given byte for byte
  pending,       // the next answer is not there yet; the queries behind it have been told to the service
  long_answer,   // the next answer is longer than a segment's may be: see AnswerStream::long_answer()
};

class AnswerStream {
 public:
  void reset() noexcept { state_ = {}; }
  // Whose queries follow: see RequestContext. Borrowed until the next call.
  void begin(Bytes flow, bool early, bool any_length = false) noexcept {
    flow_ = flow;
    early_ = early;
    any_length_ = any_length;
  }

  // Answers queries from `payload` on, which begins at `seq` of the client's stream, after those that were answered by
  // earlier calls since reset().
  // `prefix_consumed`: the first query's length prefix was consumed before. `limit`: consume at most these bytes.
  // `room`: how many answer bytes the connection may still carry. `client_has`: the client has read so
  // many bytes of the answers, or may have: those that begin among them are continuations (see RequestContext).
  // `most`: answers stop there, unless it is a single one.
  struct Request {
    Bytes payload;
    SeqNum seq;
    bool prefix_consumed = false;
    std::size_t limit = SIZE_MAX;
    std::size_t room = kOffsetLimit;
    std::size_t client_has = 0;
    std::size_t most = kMaxAnswersPerSegment;
    std::uint32_t identity = 0;  // of a continuation, where it is known: see RequestContext
  };
  // One request answered: how long it is with its framing, how long its answer, and which bytes that is.
  struct Part {
    std::uint16_t query = 0;
    std::uint32_t answer = 0;
    std::uint32_t identity = 0;
  };
  static constexpr std::size_t kMaxParts = 216;  // as many as our window holds
  [[nodiscard]] Stop answer(const Request& request, StreamService& service) noexcept;

  // Tells the service of every whole query in `payload`, which will be asked for later.
  void prepare(Bytes payload, SeqNum seq, bool prefix_consumed, StreamService& service) const noexcept;

  [[nodiscard]] std::size_t consumed() const noexcept { return state_.consumed; }
  [[nodiscard]] std::size_t size() const noexcept { return state_.size; }
  [[nodiscard]] unsigned queries() const noexcept { return state_.queries; }
  [[nodiscard]] std::span<const Part> parts() const noexcept { return std::span(parts_).first(state_.queries); }
  [[nodiscard]] bool close_after() const noexcept { return state_.close_after; }
  // Whether all of the answers stand in the buffer.
  [[nodiscard]] bool all_rendered() const noexcept { return state_.all_rendered; }
  // With Stop::long_answer: the answer, and how long its request is with its framing.
  [[nodiscard]] const Answer& long_answer() const noexcept { return long_answer_; }
  [[nodiscard]] std::size_t long_request() const noexcept { return long_request_; }
  // With Stop::pending: what waits.
  [[nodiscard]] const Ticket& ticket() const noexcept { return ticket_; }

  // `length` bytes of the answers from `offset` on: a view where they stand in the buffer, else copied to `room`, which
  // has room for them. None where the answers end before that: the buffer holds other clients' behind their end.
  [[nodiscard]] Bytes bytes(std::size_t offset, std::size_t length, MutableBytes room) const noexcept {
    if (offset > state_.size || length > state_.size - offset) [[unlikely]]
      return {};
    if (state_.all_rendered) [[likely]]
      return Bytes(buffer_.data() + offset, length);
    return gather(offset, room.first(length));
  }

 private:
  struct State {
    std::size_t consumed = 0;  // of the segment's payload
    std::size_t size = 0;      // of the answers
    unsigned queries = 0;
    bool close_after = false;
    bool all_rendered = true;  // the answers stand in the buffer without a gap
    std::size_t rendered = 0;  // bytes of the buffer in use
  };
  // Where an answer's bytes are, while not all of them are in the buffer.
  struct Source {
    Answer answer{};         // one that is read
    std::size_t buffer = 0;  // else: where it stands in the buffer
  };

  [[nodiscard]] RequestContext context_at(const Framed& framed, const Request& request) const noexcept;

  [[nodiscard]] Bytes gather(std::size_t offset, MutableBytes room) const noexcept;
  void note_source(const Answer& answer, StreamService& service) noexcept;
  [[nodiscard]] Stop note_long(const Answer& answer, std::size_t request) noexcept;

  State state_;
  Bytes flow_;
  bool early_ = false;
  bool any_length_ = false;
  StreamService* service_ = nullptr;  // whose answers are read
  Ticket ticket_;
  Answer long_answer_;
  std::size_t long_request_ = 0;
  std::array<Part, kMaxParts> parts_;
  std::array<std::uint8_t, kMaxAnswersRepeated + kMaxRenderedAnswer> buffer_;
  std::array<Source, kMaxParts> sources_;  // valid where not `all_rendered`
};

// Where the first so many queries of `payload` end, if some number of them ends at `next` (12 bits) when the
// payload begins at `seq`; 0 if none does.
[[nodiscard]] std::size_t find_boundary(Bytes payload, bool prefix_consumed, std::uint32_t seq, std::uint16_t next,
                                        const StreamService& service) noexcept;

// The length of the whole queries at the front of `payload`.
[[nodiscard]] std::size_t whole_queries(Bytes payload, bool prefix_consumed, const StreamService& service) noexcept;

}  // namespace gl::tcp
