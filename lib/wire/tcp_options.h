// TCP options: a walker that cannot step past its span, and a writer for the two that we send.
// RFC 9293 section 3.2, RFC 7323 section 3.2, RFC 6691. Window scaling and SACK are read over: we offer neither.
// Byte order: values in host order. Ownership: borrows. Thread: pure functions. Errors: by value.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "lib/base/bytes.h"
#include "lib/base/endian.h"

namespace gl::wire {

enum class TcpOptionKind : std::uint8_t {
  end = 0,
  nop = 1,
  mss = 2,
  window_scale = 3,
  sack_permitted = 4,
  timestamps = 8
};

struct TcpTimestamps {
  std::uint32_t value = 0;
  std::uint32_t echo = 0;
  friend constexpr bool operator==(const TcpTimestamps&, const TcpTimestamps&) noexcept = default;
};

struct TcpOptions {
  std::uint16_t mss = 0;  // 0: absent
  std::optional<TcpTimestamps> timestamps;
};

inline constexpr std::size_t kMaxTcpOptions = 40;
inline constexpr std::uint32_t kNopNopTimestamps = 0x0101080a;  // as every common stack sends them

// Nothing where an option has an impossible length; unknown options are skipped by their length.
[[nodiscard]] inline std::optional<TcpOptions> parse_tcp_options(Bytes options) noexcept {
  TcpOptions found;
  const std::uint8_t* const p = options.data();
  const std::size_t n = options.size();
  if (n == 12 && load_be<std::uint32_t>(p) == kNopNopTimestamps) {
    found.timestamps = TcpTimestamps{load_be<std::uint32_t>(p + 4), load_be<std::uint32_t>(p + 8)};
    return found;
  }
  for (std::size_t at = 0; at < n;) {
    const auto kind = static_cast<TcpOptionKind>(p[at]);
    if (kind == TcpOptionKind::end) break;
    if (kind == TcpOptionKind::nop) {
      ++at;
      continue;
    }
    if (n - at < 2) return std::nullopt;
    const std::size_t length = p[at + 1];
    if (length < 2 || length > n - at) return std::nullopt;
    if (kind == TcpOptionKind::mss) {
      if (length != 4) return std::nullopt;
      found.mss = load_be<std::uint16_t>(p + at + 2);
    } else if (kind == TcpOptionKind::timestamps) {
      if (length != 10) return std::nullopt;
      found.timestamps = TcpTimestamps{load_be<std::uint32_t>(p + at + 2), load_be<std::uint32_t>(p + at + 6)};
    }
    at += length;
  }
  return found;
}

inline constexpr std::size_t kMaxWrittenTcpOptions = 16;

// Writes what is present (MSS 0: absent); `out` has room for kMaxWrittenTcpOptions. Returns a multiple of 4.
[[nodiscard]] inline std::size_t write_tcp_options(const TcpOptions& options, std::uint8_t* out) noexcept {
  std::size_t at = 0;
  if (options.mss != 0) {
    store_be<std::uint32_t>(out, 0x02040000u | options.mss);
    at = 4;
  }
  if (options.timestamps) {
    store_be<std::uint32_t>(out + at, kNopNopTimestamps);
    store_be<std::uint32_t>(out + at + 4, options.timestamps->value);
    store_be<std::uint32_t>(out + at + 8, options.timestamps->echo);
    at += 12;
  }
  return at;
}

}  // namespace gl::wire
