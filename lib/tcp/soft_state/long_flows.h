// Connections that carry more than the cookie alone can validate (2^17 answer bytes): one small entry each, which
// knows where SEG.ACK has to be. So a client that pipelines is not closed with its next queries on their way. Soft
// state of a kind: without the entry such a connection gets a RST, never wrong bytes (docs/protocol.md, "Long
// connections"). Byte order: host, the flow key as on the wire. Units: answer bytes; milliseconds of a monotonic clock.
// Ownership: the responder's. Thread: one core's own. Errors: make() gives nothing where every way is in use.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "lib/tcp/cookie.h"

namespace gl::tcp {

// From here on a connection gets an entry: early enough that each of several nodes has one before the limit.
inline constexpr std::uint32_t kLongFlowFrom = 1u << 15;
// What such a connection may carry: half of the sequence numbers, less what may be on its way.
inline constexpr std::uint32_t kLongOffsetLimit = (1u << 31) - (1u << 17);
// A connection that has not pipelined for so many answer bytes, and then is quiet for so long, may be closed with its
// next answer. A client that asks at short intervals may have queries on their way that nothing shows yet: its kernel
// has acknowledged answers that it has still to read.
inline constexpr std::uint32_t kPipeliningFades = 1u << 16;
inline constexpr std::uint32_t kQuietMs = 100;
// How far SEG.ACK may be from the newest one that was answered: more than is ever in flight, and 2^-14 of all numbers.
inline constexpr std::uint32_t kVouchedDistance = 1u << 17;
inline constexpr std::uint32_t kLongFlowIdleMs = 30'000;  // then another connection may take the entry

struct LongFlow {
  FlowKey key;
  SeqNum isn;
  std::uint32_t newest = 0;        // answer bytes that the client had acknowledged when it was answered last
  std::uint32_t pipelined_at = 0;  // the same, when it last had queries on their way besides those answered
  bool pipelines = false;          // it ever did
  std::uint32_t seen_ms = 0;       // when it was answered last
  std::uint32_t quiet_ms = 0;      // how long it had been quiet then
  CookieForm form = CookieForm::plain;

  [[nodiscard]] bool validates(std::uint32_t offset) const noexcept {
    return offset - newest + kVouchedDistance <= 2 * kVouchedDistance;
  }
  // Whether queries could be lost if the connection were closed.
  [[nodiscard]] bool goes_on() const noexcept {
    return quiet_ms < kQuietMs || (pipelines && newest <= pipelined_at + kPipeliningFades);
  }
};

class LongFlows {
 public:
  // 0: none is ever made. Otherwise rounded up to a power of two, at least one set.
  explicit LongFlows(std::size_t entries);

  void begin_burst(std::uint64_t now_ms) noexcept { now_ms_ = static_cast<std::uint32_t>(now_ms); }
  [[nodiscard]] bool any() const noexcept { return used_; }
  // The entry of the flow that validates this acknowledgement.
  [[nodiscard]] LongFlow* find(const FlowKey& key, SeqNum ack) noexcept;
  // The one that validates `offset` answer bytes, or a fresh one; nullptr where all that could be replaced are in use.
  // Only for a segment whose place is known to the byte: a spoofer who hits the cookie alone must not fill the table.
  [[nodiscard]] LongFlow* make(const FlowKey& key, SeqNum isn, std::uint32_t offset) noexcept;
  void answered(LongFlow& flow, std::uint32_t offset) const noexcept {
    if (offset > flow.newest) flow.newest = offset;
    if (flow.seen_ms == now_ms_) return;
    flow.quiet_ms = now_ms_ - flow.seen_ms;
    flow.seen_ms = now_ms_;
  }

 private:
  static constexpr std::size_t kWays = 8;
  // Seeded, so that no offset-path sender can choose who shares a set. Never 0: that marks an empty way.
  [[nodiscard]] std::uint64_t hash(const FlowKey& key) const noexcept;
  [[nodiscard]] std::size_t set_of(std::uint64_t hashed) const noexcept { return hashed * kWays & (tags_.size() - 1); }
  [[nodiscard]] static std::uint32_t tag_of(std::uint64_t hashed) noexcept {
    return static_cast<std::uint32_t>(hashed >> 32) | 1;
  }
  [[nodiscard]] std::size_t free_way(std::size_t first) const noexcept;

  std::array<std::uint64_t, 2> seed_;
  std::vector<std::uint32_t> tags_;
  std::unique_ptr<LongFlow[]> flows_;
  std::uint32_t now_ms_ = 0;
  bool used_ = false;
};

// What an entry knows of the acknowledgement, if one validates it and its cookie's key is still in use. It goes
// before the cookie alone, which fits once in 2^11 places of such a stream by chance.
[[nodiscard]] std::optional<Accepted> check_long_flow(const CookieKeys& keys, const LongFlow* flow,
                                                      SeqNum ack) noexcept;

}  // namespace gl::tcp
