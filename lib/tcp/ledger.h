// The ledger: what we told the client so far, kept in its timestamp echo (RFC 7323).
// TSval = [clock 1 | E 17 | next 12 | acked 1 | prefix 1]
// Byte order: host. Ownership: plain value. Thread: pure functions.
#pragma once

#include <cstdint>

#include "lib/wire/seqnum.h"

namespace gl::tcp {

inline constexpr std::uint32_t kOffsetMask = (1u << 17) - 1;
inline constexpr std::uint32_t kNextMask = (1u << 12) - 1;

struct Ledger {
  std::uint32_t sent_end = 0;  // E, 17 bits: where in our stream the answers counted so far end
  std::uint16_t next = 0;      // 12 bits: low bits of the client sequence number after the last query in E
  // acked: the length prefix at `next` was acknowledged alone, a message without its prefix follows two bytes on.
  // not acked: the first of the queries whose ACK is deferred is such a message without its prefix.
  bool prefix = false;
  bool acked = true;  // everything before `next` (and that prefix) has been acknowledged

  [[nodiscard]] static constexpr Ledger decode(std::uint32_t ts) noexcept {
    return {(ts >> 14) & kOffsetMask, static_cast<std::uint16_t>((ts >> 2) & kNextMask), (ts & 1) != 0, (ts & 2) != 0};
  }
  // The smallest value not before `echo` (mod 2^32) that carries this ledger: TSval then never goes
  // backwards for PAWS (RFC 7323 section 5), and no clock is needed. The fields are in the order of progress (an
  // ACK that was withheld comes after its answer), so a reply to an older echo is older for PAWS too: a client
  // that has gone further drops it.
  [[nodiscard]] constexpr std::uint32_t encode(std::uint32_t echo) const noexcept {
    const std::uint32_t low = (sent_end & kOffsetMask) << 14 | (next & kNextMask) << 2 |
                              static_cast<std::uint32_t>(acked) << 1 | static_cast<std::uint32_t>(prefix);
    // With the same E and `next`, what the echo says is not taken back: a step down would be half the circle up.
    if ((low ^ echo) << 1 < 8 && (low & 3) < (echo & 3)) return echo;
    return echo + ((low - echo) & 0x7fffffffu);
  }

  // The client's next query has lost its length prefix.
  [[nodiscard]] constexpr bool prefix_consumed() const noexcept { return acked && prefix; }
  // Where the client's next query goes on: behind a length prefix, of so many bytes, that was acknowledged alone.
  [[nodiscard]] constexpr bool is_next(wire::SeqNum seq, std::uint8_t prefix_length) const noexcept {
    return ((seq.value() - next - (prefix_consumed() ? prefix_length : 0u)) & kNextMask) == 0;
  }

  friend constexpr bool operator==(const Ledger&, const Ledger&) noexcept = default;
};

}  // namespace gl::tcp
