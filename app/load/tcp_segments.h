// The clients' segments as templates, and the reading of the server's.
// Byte order: wire. Ownership: values. Thread: pure functions. Sources: RFC 9293 section 3.1, RFC 7323 section 3.
#pragma once

#include <cstdint>
#include <optional>

#include "app/load/tcp_clients.h"

namespace gl::load {

inline constexpr std::uint8_t kFin = 0x01;
inline constexpr std::uint8_t kSyn = 0x02;
inline constexpr std::uint8_t kRst = 0x04;
inline constexpr std::uint8_t kPsh = 0x08;
inline constexpr std::uint8_t kAck = 0x10;

// Where the timestamps' TSval lies in the header, in a SYN and in every later segment.
inline constexpr std::size_t kSynTimestampsAt = 28;
inline constexpr std::size_t kTimestampsAt = 24;

// A TCP header with its changing fields zero. The options of a SYN are those of Linux, in its order.
struct TcpHeader {
  TcpHeader(const Options& o, std::uint8_t flags);
  std::uint8_t bytes[40] = {};
  std::size_t length = 20;
};

// Nothing where header or options are cut short. `ts_value` is 0 where there is no timestamp.
[[nodiscard]] std::optional<std::uint32_t> find_timestamp(const std::uint8_t* options, std::size_t length) noexcept;

[[nodiscard]] inline std::optional<InSegment> read_segment(const Received& r) noexcept {
  const std::size_t header = std::size_t{r.l4[12]} / 16 * 4;
  if (r.l4_length < 20 || header < 20 || header > r.l4_length) return std::nullopt;
  InSegment in{};
  in.seq = load_be<std::uint32_t>(r.l4 + 4);
  in.ack = load_be<std::uint32_t>(r.l4 + 8);
  in.flags = r.l4[13];
  in.payload = r.l4 + header;
  in.length = r.l4_length - header;
  // The usual layout first: two NOPs and the timestamps.
  if (header == 32 && load_be<std::uint32_t>(r.l4 + 20) == 0x0101080a) {
    in.ts_value = load_be<std::uint32_t>(r.l4 + 24);
  } else if (header > 20) {
    in.ts_value = find_timestamp(r.l4 + 20, header - 20).value_or(0);
  }
  return in;
}

}  // namespace gl::load
