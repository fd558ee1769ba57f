// The cookie: an initial sequence number that the client carries for us, and its check on every segment.
// ISN = [MSS class 3 | epoch parity 1 | MAC 28], MAC = SipHash-2-4 (sip_hash.h) under the epoch's key.
// Byte order: the flow key as on the wire, sequence numbers host. Ownership: keys are borrowed. Thread: pure functions.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>

#include "lib/base/endian.h"
#include "lib/wire/seqnum.h"

namespace gl::tcp {

using wire::SeqNum;

// Both ends of a connection, in wire order, laid out so that the keyed hash takes it as it lies.
// IPv4 uses the last 12 bytes: client 4, server 4, ports 4; IPv6 all 36.
struct FlowKey {
  std::array<std::uint8_t, 36> bytes;  // not cleared: no one reads in front of `offset`
  std::uint8_t offset = 24;            // 24: IPv4, 0: IPv6

  [[nodiscard]] std::span<const std::uint8_t> view() const noexcept {
    return {bytes.data() + offset, bytes.size() - offset};
  }
  [[nodiscard]] bool is_v6() const noexcept { return offset == 0; }
  [[nodiscard]] std::span<const std::uint8_t> client() const noexcept { return view().first(is_v6() ? 16 : 4); }
  [[nodiscard]] friend bool same_flow(const FlowKey& a, const FlowKey& b) noexcept {
    return a.offset == b.offset && std::equal(a.bytes.begin() + a.offset, a.bytes.end(), b.bytes.begin() + b.offset);
  }
  static FlowKey v4(const std::uint8_t* client, const std::uint8_t* server, Be16 client_port,
                    Be16 server_port) noexcept {
    FlowKey key;
    key.set_v4(client, server, client_port, server_port);
    return key;
  }
  static FlowKey v6(const std::uint8_t* client, const std::uint8_t* server, Be16 client_port,
                    Be16 server_port) noexcept {
    FlowKey key;
    key.set_v6(client, server, client_port, server_port);
    return key;
  }

  // In place. Written in the pieces in which the hash reads it: a load over several younger stores waits for them all.
  void set_v4(const std::uint8_t* client, const std::uint8_t* server, Be16 client_port, Be16 server_port) noexcept {
    offset = 24;
    store_be(bytes.data() + 24, std::uint64_t{load_be<std::uint32_t>(client)} << 32 | load_be<std::uint32_t>(server));
    store_be(bytes.data() + 32, std::uint32_t{client_port.host()} << 16 | server_port.host());
  }
  void set_v6(const std::uint8_t* client, const std::uint8_t* server, Be16 client_port, Be16 server_port) noexcept {
    offset = 0;
    std::memcpy(bytes.data(), client, 16);
    std::memcpy(bytes.data() + 16, server, 16);
    store_be(bytes.data() + 32, std::uint32_t{client_port.host()} << 16 | server_port.host());
  }
};

// A hash of the flow that no off-path sender can foresee: `seed` is random and never told. Not for cookies.
[[nodiscard]] inline std::uint64_t seeded_hash(const FlowKey& key, const std::array<std::uint64_t, 2>& seed) noexcept {
  const std::span<const std::uint8_t> bytes = key.view();
  std::uint64_t mixed = seed[0];
  const auto mix = [&](std::uint64_t word) {
    mixed = (mixed ^ word) * (seed[1] | 1);
    mixed ^= mixed >> 29;
  };
  std::size_t at = 0;  // 12 bytes or 36
  for (; at + 8 <= bytes.size(); at += 8) mix(load_be<std::uint64_t>(bytes.data() + at));
  mix(load_be<std::uint32_t>(bytes.data() + at));
  return mixed * 0x9e3779b97f4a7c15u;
}

// Segment sizes that three bits can name; an MSS option is rounded down to one of them.
inline constexpr std::array<std::uint16_t, 8> kMssClasses = {64, 216, 536, 1220, 1360, 1440, 1460, 8940};
// The class of a peer's MSS; nothing if it is below the smallest.
[[nodiscard]] std::optional<std::uint8_t> mss_class(std::uint16_t mss) noexcept;

// A service with long answers uses window scaling (RFC 7323 section 2). The client's shift has to be known of every
// segment, so its cookie has two bits more for the class, and two less for the MAC: [shift 2 | MSS class 3 | epoch
// parity 1 | MAC 26]. A shift is carried rounded down: the window is taken for smaller than it is, never for larger.
enum class CookieForm : std::uint8_t { plain = 28, scaling = 26 };  // the bits of its MAC
inline constexpr std::array<std::uint8_t, 4> kCarriedShifts = {0, 6, 8, 10};
inline constexpr unsigned kMssClassBits = 3;
[[nodiscard]] constexpr std::uint16_t mss_of(std::uint8_t peer_class) noexcept {
  return kMssClasses[peer_class & (kMssClasses.size() - 1)];
}
[[nodiscard]] constexpr std::uint8_t shift_of(std::uint8_t peer_class) noexcept {
  return kCarriedShifts[peer_class >> kMssClassBits];
}
// `class_of_mss` together with the shift of a SYN, which may be wire::kNoWindowScale.
[[nodiscard]] std::uint8_t with_shift(std::uint8_t class_of_mss, std::uint8_t shift) noexcept;

using SipKey = std::array<std::uint8_t, 16>;

// The keys of the two epochs whose connections are alive, by parity of the epoch number. Immutable once published.
struct CookieKeys {
  std::array<SipKey, 2> by_parity{};
  std::uint8_t current = 0;  // parity of the epoch that signs new cookies
  bool draining = false;     // connections of the other parity are to be closed with their next answer
};

// How far from its ISN the cookie alone validates an acknowledgement, in bytes; the odds of a spoofer follow from it.
inline constexpr std::uint32_t kOffsetLimit = 1u << 17;

struct Accepted {
  SeqNum isn;                // our initial sequence number
  std::uint32_t ack_offset;  // answer bytes (and our FIN) that the client has acknowledged: SEG.ACK - 1 - ISN
  std::uint8_t mss_class;    // with the shift: mss_of(), shift_of()
  bool old_epoch;            // signed by the previous epoch's key
};

// `client_isn` is bound into the MAC for a client without timestamps, and absent for one with them.
[[nodiscard]] SeqNum make_isn(const CookieKeys& keys, const FlowKey& flow, std::uint8_t peer_class,
                              std::optional<SeqNum> client_isn, CookieForm form = CookieForm::plain) noexcept;

namespace detail {

[[nodiscard]] constexpr unsigned parity_shift(CookieForm form) noexcept {
  return static_cast<unsigned>(form);
}
[[nodiscard]] constexpr unsigned class_shift(CookieForm form) noexcept {
  return parity_shift(form) + 1;
}
[[nodiscard]] constexpr std::uint32_t mac_mask(CookieForm form) noexcept {
  return (1u << parity_shift(form)) - 1;
}

// 32 bits of SipHash-2-4 over the flow, and over the client's ISN where one is given. The two inputs differ in
// length, which SipHash takes into its last block, so one kind of cookie never stands for the other.
[[nodiscard]] std::uint32_t mac32(const SipKey& key, const FlowKey& flow) noexcept;
[[nodiscard]] std::uint32_t mac32(const SipKey& key, const FlowKey& flow, SeqNum client_isn) noexcept;
[[nodiscard]] inline std::uint32_t mac32(const SipKey& key, const FlowKey& flow,
                                         std::optional<SeqNum> client_isn) noexcept {
  return client_isn ? mac32(key, flow, *client_isn) : mac32(key, flow);
}

// The acknowledgement under one parity's key: the distance from that key's cookie, if it is small enough.
template <CookieForm form>
[[nodiscard]] inline std::optional<Accepted> check_parity(const CookieKeys& keys, std::uint32_t acked,
                                                          const FlowKey& flow, std::optional<SeqNum> client_isn,
                                                          std::uint32_t parity) noexcept {
  const std::uint32_t ack_offset = (acked - mac32(keys.by_parity[parity], flow, client_isn)) & mac_mask(form);
  if (ack_offset > kOffsetLimit) return std::nullopt;
  const std::uint32_t isn = acked - ack_offset;
  if (((isn >> parity_shift(form)) & 1) != parity) return std::nullopt;
  return Accepted{SeqNum(isn), ack_offset, static_cast<std::uint8_t>(isn >> class_shift(form)), parity != keys.current};
}

}  // namespace detail

// Inline, so that the result stays in registers on every segment's way.
template <CookieForm form = CookieForm::plain>
[[nodiscard]] inline std::optional<Accepted> check_ack(const CookieKeys& keys, const FlowKey& flow, SeqNum ack,
                                                       std::optional<SeqNum> client_isn) noexcept {
  const std::uint32_t acked = ack.value() - 1;
  const std::uint32_t parity = (acked >> detail::parity_shift(form)) & 1;
  if (auto accepted = detail::check_parity<form>(keys, acked, flow, client_isn, parity)) return accepted;
  // The bytes since the ISN may have carried into the parity bit; otherwise the bit is as it was sent.
  if ((acked & detail::mac_mask(form)) > kOffsetLimit) return std::nullopt;
  return detail::check_parity<form>(keys, acked, flow, client_isn, parity ^ 1);
}

}  // namespace gl::tcp
