// The cookie: an initial sequence number that the client carries for us, and its check on every segment.
// ISN = [MSS class 3 | epoch parity 1 | MAC 28], MAC = SipHash-2-4 (libsodium) under the epoch's key.
// Byte order: the flow key as on the wire, sequence numbers host. Ownership: keys are borrowed. Thread: pure functions.
#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "lib/base/endian.h"
#include "lib/wire/seqnum.h"

namespace gl::tcp {

using wire::SeqNum;

// Both ends of a connection, in wire order, laid out so that the keyed hash takes it as it lies.
// IPv4 uses the last 12 bytes: client 4, server 4, ports 4; IPv6 all 36.
struct FlowKey {
  std::array<std::uint8_t, 36> bytes{};
  std::uint8_t offset = 24;  // 24: IPv4, 0: IPv6

  [[nodiscard]] bool is_v6() const noexcept { return offset == 0; }
  static FlowKey v4(const std::uint8_t* client, const std::uint8_t* server, Be16 client_port,
                    Be16 server_port) noexcept;
  static FlowKey v6(const std::uint8_t* client, const std::uint8_t* server, Be16 client_port,
                    Be16 server_port) noexcept;
};

// Segment sizes that three bits can name; an MSS option is rounded down to one of them.
inline constexpr std::array<std::uint16_t, 8> kMssClasses = {64, 216, 536, 1220, 1360, 1440, 1460, 8940};
// The class of a peer's MSS; nothing if it is below the smallest.
[[nodiscard]] std::optional<std::uint8_t> mss_class(std::uint16_t mss) noexcept;

using SipKey = std::array<std::uint8_t, 16>;

// The keys of the two epochs whose connections are alive, by parity of the epoch number. Immutable once published.
struct CookieKeys {
  std::array<SipKey, 2> by_parity{};
  std::uint8_t current = 0;  // parity of the epoch that signs new cookies
  bool draining = false;     // connections of the other parity are to be closed with their next answer
};

// What a connection may carry toward the client before it must close, in bytes (RFC-less: our own ledger's width).
inline constexpr std::uint32_t kOffsetLimit = 1u << 17;

struct Accepted {
  SeqNum isn;              // our initial sequence number
  std::uint32_t off;       // answer bytes (and our FIN) that the client has acknowledged: SEG.ACK - 1 - ISN
  std::uint8_t mss_class;
  bool old_epoch;          // signed by the previous epoch's key
};

// `client_isn` is bound into the MAC for a client without timestamps, and absent for one with them.
[[nodiscard]] SeqNum make_isn(const CookieKeys& keys, const FlowKey& flow, std::uint8_t mss_class,
                              std::optional<SeqNum> client_isn) noexcept;
[[nodiscard]] std::optional<Accepted> check_ack(const CookieKeys& keys, const FlowKey& flow, SeqNum ack,
                                                std::optional<SeqNum> client_isn) noexcept;

}  // namespace gl::tcp
