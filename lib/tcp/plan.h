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

struct BulkFlow;

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
  bool window_scale = false;    // option of a SYN-ACK: a shift of 0
  bool has_sack = false;
  wire::SackBlocks::Block sack;  // where `has_sack`
};

inline constexpr std::size_t kMaxBurstSegments = 10;  // RFC 6928
// What one acknowledgement may bring of a remembered flow: one may stand for many (RFC 5681 section 4.2).
inline constexpr std::size_t kMaxSoftSegments = 32;
struct Plan {
  static constexpr std::uint32_t kNoLink = 0xffffffff;
  Outcome outcome = Outcome::drop_ack_only;
  std::uint8_t count = 0;
  std::array<OutSegment, kMaxSoftSegments> segments;
  const AnswerStream* answers = nullptr;  // what the segments' offsets count in; null where none has a payload
  Ticket ticket{};                        // what the frame waits for: with Outcome::suspended, and where it `waits`
  bool waits = false;                     // what goes out is not all: the frame comes again for the rest
  const BulkFlow* bulk = nullptr;         // a long answer: what the offsets count in
  std::uint32_t link = kNoLink;  // index of an entry that may send by itself: the way to its client is to be kept

  // The payload of a segment: a view of the answers, or a copy in `room`, which has room for it. Shorter than it should
  // be where a service does not give its bytes.
  [[nodiscard]] Bytes payload(const OutSegment& out, MutableBytes room) const noexcept {
    if (out.length == 0) return {};
    return answers != nullptr ? answers->bytes(out.offset, out.length, room) : read_bulk(out, room);
  }
  // Whether that is a view.
  [[nodiscard]] bool is_view(const OutSegment& out) const noexcept {
    return out.length == 0 || (answers != nullptr && answers->all_rendered());
  }

 private:
  [[nodiscard]] Bytes read_bulk(const OutSegment& out, MutableBytes room) const noexcept;
};

}  // namespace gl::tcp
