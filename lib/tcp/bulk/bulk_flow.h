// A long answer on its way: more than the ledger or a segment's worth of answers can count, so a core remembers it and
// sends it as an ordinary TCP sender does, with a timer of its own. It is the last answer of its connection. Its
// request is acknowledged a byte at a time, and to its end only when the whole answer has arrived: so the client's
// timer always has something to repeat, and a client whose entry is lost learns of it by a RST, however quiet it is.
// A client that acknowledges nothing while its own bytes are not (iPXE) has them acknowledged at once.
// Byte order: host, the flow key as on the wire. Units: bytes; `snd` counts from `base` of the answer on; milliseconds
// of a monotonic clock. Ownership: the table's; `service` is borrowed. Thread: one core's own.
// Sources: RFC 9293 section 3.3.1 (the names), RFC 5681, RFC 6298 (timer), RFC 6675 (loss), RFC 7323 (scaling, PAWS).
#pragma once

#include <algorithm>
#include <cstdint>

#include "lib/service/stream_service.h"
#include "lib/tcp/ledger.h"
#include "lib/tcp/segment.h"
#include "lib/tcp/soft_state/send_window.h"

namespace gl::tcp {

struct BulkFlow {
  FlowKey key;
  Answer answer;
  StreamService* service = nullptr;
  bool timestamps = false;
  std::uint8_t mss_class = 0;

  // The client's stream.
  SeqNum request;             // where the request begins
  SeqNum request_end;         // and ends
  SeqNum acked;               // what was acknowledged
  bool client_fin = false;    // it ends behind the request
  bool all_acked = false;     // it was told that all has come
  bool acks_alone = false;    // it has acknowledged new bytes by a segment without data
  std::uint8_t repeats = 0;   // of the request, since `acked` moved
  std::uint32_t snd_wnd = 0;  // the client's receive window, scaled
  std::uint32_t ts_val = 0;
  std::uint32_t ts_recent = 0;

  // Ours.
  SeqNum first;            // of the answer
  std::uint64_t base = 0;  // a place in the answer
  SendWindow snd;
  bool fin_sent = false;
  bool fin_arrived = false;

  // The timer. 0: not set.
  std::uint32_t heard_ms = 0;  // when the client was heard last
  std::uint32_t moved_ms = 0;  // when something arrived that had not before
  std::uint32_t timeout_at = 0;
  std::uint32_t pace_at = 0;
  std::uint32_t srtt_x8 = 0;  // 0: not measured yet
  std::uint32_t rttvar_x4 = 0;
  std::uint32_t timed_end = 0;  // the place that is being timed; 0: none
  std::uint32_t timed_ms = 0;
  std::uint8_t backoff = 0;
  std::uint32_t tokens = 0;  // bytes that may go out now, where there is a rate
  std::uint32_t tokens_ms = 0;

  [[nodiscard]] SeqNum seq_at(std::uint32_t offset) const noexcept {
    return first + static_cast<std::uint32_t>(base + offset);
  }
  // Where the answer ends; or, as long as that is far off, some place that is not reached before the next rebase.
  [[nodiscard]] std::uint32_t end() const noexcept {
    return static_cast<std::uint32_t>(std::min<std::uint64_t>(answer.length - base, kFar));
  }
  [[nodiscard]] bool is_end(std::uint32_t offset) const noexcept { return base + offset == answer.length; }
  [[nodiscard]] bool outstanding() const noexcept { return snd.in_flight() || (fin_sent && !fin_arrived); }

  static constexpr std::uint32_t kRebase = 1u << 30;
  static constexpr std::uint32_t kFar = 3u << 30;
};

// What the rules that find a long request tell of it.
struct BulkStart {
  SeqNum first{};    // of the answer, in our stream: everything before has arrived
  SeqNum request{};  // where it begins in the client's
  SeqNum acked{};    // so far it was acknowledged
  SeqNum request_end{};
  std::uint8_t mss_class = 0;
  bool client_fin = false;
  std::uint32_t ts_val = 0;  // see bulk_ts_val(); without timestamps not used
};

// The TSval of a long answer that begins at `sent_end`: a ledger that fits no segment which this client may still send,
// so that a node without the entry takes none of them for a new request: `next` is the place before the request, mod
// 2^12 the one behind the window. And it is marked, so that such a node knows that the entry is lost: it counts
// requests whose ACK is deferred, the first of which has lost its prefix, as only a service with prefixes has them
// otherwise. It stands still but for one step each 2^30 bytes, so that PAWS tells the second round of sequence numbers
// from the first. `newest`: the TSval sent last.
[[nodiscard]] inline std::uint32_t bulk_ts_val(std::uint32_t sent_end, SeqNum request, std::uint32_t newest) noexcept {
  const Ledger ledger{(sent_end + 1) & kOffsetMask, static_cast<std::uint16_t>((request.value() - 1) & kNextMask), true,
                      false};
  return ledger.encode(newest);
}
[[nodiscard]] inline bool is_bulk_ts_val(std::uint32_t echo) noexcept {
  const Ledger ledger = Ledger::decode(echo);
  return ledger.prefix && !ledger.acked;
}
inline constexpr std::uint32_t kBulkTsStep = 1u << 14;  // of `sent_end` by one

}  // namespace gl::tcp
