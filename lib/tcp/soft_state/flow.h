// Soft state: what a core remembers of one connection, so that pipelined queries, long answers and split queries need
// not wait for the client's timer. A client with timestamps carries the ledger as well, and its entry may vanish
// between any two segments; for a client without timestamps the entry is all there is, and losing it ends the
// connection with a RST (docs/protocol.md, "Soft state").
// Byte order: host, the flow key as on the wire. Units: bytes of the client's stream as sequence numbers, of ours as
// answer bytes since our ISN; milliseconds of a monotonic clock. Ownership: the flow table. Thread: one core's own.
// Sources: RFC 9293 section 3.3.1 (the names), RFC 7323 (ts_recent), RFC 7766 section 6.2.1.1 (pipelining).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "lib/base/bytes.h"
#include "lib/tcp/answer_stream.h"
#include "lib/tcp/cookie.h"
#include "lib/tcp/ledger.h"
#include "lib/tcp/soft_state/send_window.h"

namespace gl::tcp {

enum class FlowState : std::uint8_t {
  unsynchronized,  // queries are buffered; the answers before them have not arrived, as far as the ledger tells
  idle,            // every answer has arrived; perhaps the beginning of a query is buffered
  in_flight,       // answers are on their way, or have to be sent
  partial_acked,   // a piece of the query at `base` was acknowledged: no other node can go on
  closing,         // our FIN was sent
};

// The whole of the window that we advertise. With timestamps the ledger's 12 bits have to tell every place in it; twice
// as much serves a client without, whose answers then fill its own window (docs/decisions.md).
inline constexpr std::size_t kBufferedBytes = 4096;
inline constexpr std::size_t kBufferedBytesPlain = 2 * kBufferedBytes;
inline constexpr unsigned kStuckRepeats = 3;  // of one segment behind a gap
inline constexpr unsigned kStuckProbes = 12;  // the same, where it was kept and may be a probe

struct Flow {
  FlowKey key;
  SeqNum isn;  // ours
  FlowState state = FlowState::unsynchronized;
  bool timestamps = false;
  std::uint8_t mss_class = 0;

  // The client's stream. All before `base` has been answered, and the answers have arrived.
  SeqNum base;
  SeqNum acked;                  // the highest acknowledgement sent, FIN left out; it may be lost with its answer
  SeqNum piece_ack;              // beyond `base`: so far it was acknowledged although answers are missing
  std::uint16_t buffered = 0;    // bytes from `base` on, without a gap
  std::uint16_t answered = 0;    // of them belong to queries with an answer
  bool prefix_consumed = false;  // the query at `base` has lost its length prefix
  bool client_fin = false;       // the stream ends behind what is buffered
  bool last_answered = false;    // our FIN comes behind the last answer: no further query gets one
  bool fin_sent = false;         // it was
  bool client_fin_acked = false;
  bool fin_arrived = false;   // ours
  std::uint16_t fin_at = 0;   // a FIN that came out of order: so many bytes behind `base`, plus one; 0: none
  std::uint8_t repeats = 0;   // of the same piece, by the client's timer
  std::uint16_t snd_wnd = 0;  // the client's receive window
  SeqNum edge;                // where our window ends, as it was told

  // Ours: base_end <= where answers end.
  std::uint32_t base_end = 0;      // the answer to the query at `base` begins here
  std::uint32_t answered_end = 0;  // the last answer ends here
  std::uint32_t begun_end = 0;     // answers that begin before were begun by rules without this entry
  SendWindow snd;

  // With timestamps: the newest ledger sent, and the newest one that the client echoed.
  std::uint32_t ts_val = 0;
  SeqNum ledger_next;            // what the newest one counts
  std::uint32_t ledger_end = 0;  // its E
  SeqNum covered;                // `next` of the echoed one: so far any segment may acknowledge
  std::uint32_t covered_end = 0;
  std::uint32_t ts_recent = 0;  // the client's newest TSval
  std::uint32_t data_ts = 0;    // TSval of the newest bytes, and of what its timer repeated last

  // When something last moved, and the shortest round trip seen.
  std::uint32_t moved_ms = 0;
  std::uint32_t resent_ms = 0;  // when the segment at SND.UNA was sent again
  std::uint32_t timed_ms = 0;
  std::uint32_t timed_end = 0;  // the answer byte that is being timed; 0: none
  std::uint16_t min_rtt_ms = 0;
  bool rtt_known = false;

  // The answers from `base` on, in order.
  std::uint8_t count = 0;
  std::array<AnswerStream::Part, AnswerStream::kMaxParts> parts;
  // What came out of order is in its place behind a gap (RFC 9293 section 3.10.7.4). Offsets from `base`, ascending,
  // apart from one another and from what is buffered.
  struct Island {
    std::uint16_t begin = 0;
    std::uint16_t end = 0;
  };
  std::uint8_t island_count = 0;
  static constexpr std::size_t kMaxIslands = 20;  // every second one of the smallest segments in a whole window
  std::array<Island, kMaxIslands> islands;
  std::array<std::uint8_t, kBufferedBytesPlain> queries;

  [[nodiscard]] std::size_t capacity() const noexcept { return timestamps ? kBufferedBytes : kBufferedBytesPlain; }
  [[nodiscard]] SeqNum rcv_end() const noexcept { return base + buffered; }
  [[nodiscard]] SeqNum answered_seq() const noexcept { return base + answered; }
  [[nodiscard]] bool piece_acked() const noexcept { return before(base, piece_ack); }
  [[nodiscard]] bool all_arrived() const noexcept { return snd.una() >= answered_end; }
  // Both sides have closed, and nothing is missing.
  [[nodiscard]] bool ended() const noexcept { return fin_arrived && client_fin_acked; }
  [[nodiscard]] Bytes unanswered() const noexcept {
    return Bytes(queries).subspan(answered, static_cast<std::size_t>(buffered - answered));
  }
  // Only the first query may have lost its prefix.
  [[nodiscard]] bool unanswered_lacks_prefix() const noexcept { return prefix_consumed && answered == 0; }

  // With timestamps: the ledger that says that everything before `base` is answered, has arrived and is acknowledged.
  [[nodiscard]] Ledger settled(std::uint8_t prefix_length) const noexcept {
    const std::uint32_t next = base.value() - (prefix_consumed ? prefix_length : 0u);
    return {base_end & kOffsetMask, static_cast<std::uint16_t>(next & kNextMask), prefix_consumed, true};
  }

  // Nothing is known but where the client's stream goes on.
  void begin(SeqNum from) noexcept;
  // Everything before `from` is answered up to `end` of our stream, of which the client has read `una`.
  void synchronize(std::uint32_t end, std::uint32_t una) noexcept;
  // The client's bytes at `offset` from `base`. False where there is no room.
  [[nodiscard]] bool store(std::uint32_t offset, Bytes bytes) noexcept;
  // The client's stream ends `offset` behind `base`.
  void end_at(std::uint32_t offset) noexcept;
  // What was buffered of the same stream behind, in its place.
  void adopt(const Flow& unsynchronized) noexcept;
  // Forgets the queries whose answers have arrived.
  void release() noexcept;
  // The client's stream goes on at `base` + `bytes`.
  void drop_front(std::uint16_t bytes) noexcept;

 private:
  [[nodiscard]] bool add_island(Island island) noexcept;
  void join_islands() noexcept;
};

}  // namespace gl::tcp
