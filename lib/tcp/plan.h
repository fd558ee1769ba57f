// What is to be sent in reply to one segment.
// Byte order: host. Units: bytes. Ownership: the answers are borrowed. Thread: one core's own.
// Source: RFC 6928 (ten segments at once).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "lib/base/bytes.h"
#include "lib/service/request.h"
#include "lib/tcp/answer_stream.h"
#include "lib/tcp/outcome.h"
#include "lib/tcp/segment.h"

namespace gl::tcp {

struct OutSegment {
  SeqNum seq;
  SeqNum ack;
  std::uint8_t flags = 0;
  bool has_timestamps = false;
  Timestamps timestamps;
  std::uint16_t mss = 0;  // option of a SYN-ACK; 0: none
  std::uint16_t window = 0;
  std::uint32_t offset = 0;  // payload: this part of Plan::answers
  std::uint32_t length = 0;
  wire::FastOpen fast_open{};   // option of a SYN-ACK: a cookie, or absent
  bool sack_permitted = false;  // option of a SYN-ACK
  bool has_sack = false;
  wire::SackBlocks::Block sack;  // where `has_sack`
};

inline constexpr std::size_t kMaxBurstSegments = 10;  // RFC 6928
// What one acknowledgement may bring of a remembered flow: one may stand for many (RFC 5681 section 4.2).
inline constexpr std::size_t kMaxSoftSegments = 32;
struct Plan {
  Outcome outcome = Outcome::drop_ack_only;
  std::uint8_t count = 0;
  std::array<OutSegment, kMaxSoftSegments> segments;
  const AnswerStream* answers = nullptr;  // what the segments' offsets count in; null where none has a payload
  Ticket ticket{};                        // with Outcome::suspended: what the frame waits for

  // The payload of a segment: a view of the answers, or a copy in `room`, which has room for it. Shorter than it should
  // be where a service does not give its bytes.
  [[nodiscard]] Bytes payload(const OutSegment& out, MutableBytes room) const noexcept {
    return out.length == 0 ? Bytes{} : answers->bytes(out.offset, out.length, room);
  }
  // Whether that is a view.
  [[nodiscard]] bool is_view(const OutSegment& out) const noexcept {
    return out.length == 0 || answers->all_rendered();
  }
};

}  // namespace gl::tcp
