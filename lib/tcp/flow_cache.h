// Soft state: what a core remembers of recent flows, so that pipelined queries, long answers and split queries need not
// wait for the client's timer. Never needed for correctness: an entry may vanish between any two segments, since the
// ledger that the client carries stays a true one (docs/protocol.md, "Soft state"). Fixed size; nothing waits in it.
// Byte order: host, the flow key as on the wire. Ownership: the responder's. Thread: one core's own.
// Sources: RFC 5681 (slow start, duplicate ACKs), RFC 7766 section 6.2.1.1 (pipelining).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "lib/base/bytes.h"
#include "lib/tcp/cookie.h"

namespace gl::tcp {

// The client's stream from `base` on: whole queries and perhaps the beginning of one.
inline constexpr std::size_t kKeptBytes = 4096;      // the whole of the window that we advertise
inline constexpr std::uint8_t kStuckRepeats = 2;     // of the same piece of a query: its sender's timer has no other
inline constexpr std::uint16_t kInitialWindow = 10;  // segments, RFC 6928

struct Flow {
  FlowKey key;
  SeqNum isn;
  bool known = false;  // false: queries wait here until the answers before them are known to have arrived

  // The newest ledger that was sent, and the ACK that went with it.
  std::uint32_t stamp = 0;
  SeqNum stamp_ack;
  std::uint32_t counted_end = 0;  // its E
  SeqNum safe_ack;                // the ACK of the ledger that the client echoes: it has that one

  // Positions in the client's stream: base <= answered <= base + kept.
  SeqNum base;           // the first query kept
  SeqNum answered;       // behind the last query that has an answer
  bool bare = false;     // the query at `base` has lost its length prefix
  bool fin = false;      // the client's stream ends behind what is kept
  bool closing = false;  // our FIN comes behind the last answer
  std::uint16_t kept = 0;
  // Positions in ours: base_end <= sent_to <= answered_end, in answer bytes.
  std::uint32_t base_end = 0;      // where the answer to the query at `base` begins
  std::uint32_t answered_end = 0;  // where the last answer ends
  std::uint32_t sent_to = 0;

  std::uint32_t last_off = 0;     // of the last acknowledgement
  std::uint32_t recover = 0;      // RFC 6582: what was sent when a loss was seen
  std::uint16_t last_window = 0;  // the client's receive window, of the same
  std::uint16_t window = 0;       // congestion window, segments
  std::uint8_t duplicates = 0;    // acknowledgements of the same byte
  std::uint8_t repeats = 0;       // of the same piece of a query

  // Of the query at `base` the client was told to forget all before `held_to`: it was stuck with that piece. So until
  // it has a ledger beyond the query, which is one newer than `held_stamp`, nobody but this entry can go on.
  bool held = false;
  bool was_held = false;
  SeqNum held_to;
  std::uint32_t held_stamp = 0;
  std::uint32_t client_clock = 0;  // its newest TSval: an older segment's echo says nothing

  std::array<std::uint8_t, kKeptBytes> queries;

  [[nodiscard]] SeqNum kept_end() const noexcept { return base + kept; }
  [[nodiscard]] Bytes bytes_from(SeqNum seq) const noexcept {
    const std::uint32_t skip = seq - base;
    return Bytes(queries).subspan(skip, kept - skip);
  }
  // False where there is no room.
  [[nodiscard]] bool keep(Bytes more) noexcept;
  // Forgets the queries before `seq`, whose answers end at `end`.
  void drop_before(SeqNum seq, std::uint32_t end) noexcept;
};

class FlowCache {
 public:
  // `entries` 0: none is ever found or made. Otherwise rounded up to a power of two, at least one set.
  explicit FlowCache(std::size_t entries);

  [[nodiscard]] bool enabled() const noexcept { return !tags_.empty(); }
  [[nodiscard]] Flow* find(const FlowKey& key, SeqNum isn) noexcept;
  // A fresh entry for the flow, in place of its old one or of another flow's. Only behind a valid cookie.
  [[nodiscard]] Flow& make(const FlowKey& key, SeqNum isn) noexcept;
  void forget(const FlowKey& key, SeqNum isn) noexcept;

 private:
  static constexpr std::size_t kWays = 4;
  [[nodiscard]] std::size_t set_of(SeqNum isn) const noexcept;

  // The cookie's MAC is a keyed hash of the flow already: no stranger can choose who shares a set.
  std::vector<std::uint32_t> tags_;
  std::unique_ptr<Flow[]> flows_;
  std::uint32_t turn_ = 0;
};

}  // namespace gl::tcp
