// What routers said of the way to clients: a small table of path MTUs, by client address (RFC 1191, RFC 8201). Fixed
// size, entries expire after ten minutes (RFC 8201 section 4), and losing one costs a client a retransmission.
// Units: bytes of IP packet, seconds of a monotonic clock. Ownership: one for all cores, since a router's message may
// reach any of them. Thread: each entry is one atomic word, so there is no lock and no half-written entry.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "lib/base/bytes.h"
#include "lib/tcp/cookie.h"

namespace gl::tcp {

inline constexpr std::uint16_t kMinPathMtuV4 = 552;   // smaller claims count as this one, as Linux's min_pmtu does
inline constexpr std::uint16_t kMinPathMtuV6 = 1280;  // smaller claims are refused, RFC 8201 section 4
inline constexpr std::uint64_t kPathMtuLifetime = 600;
inline constexpr std::uint16_t kNoPathMtu = 0xffff;

class PathMtuTable {
 public:
  PathMtuTable();

  // What the way to this client carries in one packet; kNoPathMtu where nothing is known. 4 or 16 bytes of address.
  [[nodiscard]] std::uint16_t mtu(Bytes client, std::uint64_t now_s) const noexcept {
    if (now_s >= quiet_from_.load(std::memory_order_relaxed)) return kNoPathMtu;
    return find(client, now_s);
  }
  // The MSS that this allows, without options; 0xffff where nothing is known.
  [[nodiscard]] std::uint16_t mss(const FlowKey& flow, std::uint64_t now_s) const noexcept {
    const std::uint16_t known = mtu(flow.client(), now_s);
    return known == kNoPathMtu ? 0xffff : static_cast<std::uint16_t>(known - (flow.is_v6() ? 40 + 20 : 20 + 20));
  }
  // Never raises what is known of this client.
  void learn(Bytes client, std::uint16_t mtu, std::uint64_t now_s) noexcept;

 private:
  static constexpr std::size_t kWays = 4;
  static constexpr std::size_t kSets = 64;
  // Hash of the address 24, MTU 14, seconds 26. An empty word is as old as the clock's zero: its MTU is 0.
  struct Entry {
    std::uint32_t tag = 0;
    std::uint16_t mtu = 0;
    std::uint32_t seconds = 0;
  };
  static constexpr std::uint32_t kSecondsMask = (1u << 26) - 1;
  [[nodiscard]] static Entry unpack(std::uint64_t word) noexcept;
  [[nodiscard]] static std::uint64_t pack(const Entry& entry) noexcept;
  [[nodiscard]] static bool alive(const Entry& entry, std::uint64_t now_s) noexcept;

  [[nodiscard]] std::uint64_t hash(Bytes client) const noexcept;
  [[nodiscard]] std::uint16_t find(Bytes client, std::uint64_t now_s) const noexcept;

  SipKey key_;                                            // of this process: no one chooses whose entries share a set
  alignas(64) std::atomic<std::uint64_t> quiet_from_{0};  // every entry has expired by then
  std::array<std::atomic<std::uint64_t>, kSets * kWays> words_{};
};

// What a router's message quotes of a segment that it could not forward.
struct QuotedSegment {
  FlowKey flow;
  SeqNum seq;
  std::optional<SeqNum> ack;  // routers need not quote so far (RFC 792: 8 bytes)
};

// Whether the sequence numbers belong to a connection of ours: the quoted SEQ is one that our cookie allows. A blind
// forger passes once in 2^11. For a client without timestamps the cookie covers its ISN too, which is known where the
// quoted ACK was withheld: such answers in one segment alone are not recognised. `scaling`: there are services whose
// cookies have that form; of those a forger passes once in 2^9.
[[nodiscard]] bool sent_by_us(const CookieKeys& keys, const QuotedSegment& quoted, bool scaling = false) noexcept;

}  // namespace gl::tcp
