// TCP options: a walker that cannot step past its span, and a writer for those that we send.
// RFC 9293 section 3.2, RFC 7323 sections 2.2 and 3.2, RFC 6691, RFC 7413 section 4.1.1, RFC 2018. Byte order: values
// in host order. Ownership: borrows. Thread: pure functions. Errors: by value.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "lib/base/bytes.h"
#include "lib/base/endian.h"
#include "lib/wire/checksum.h"

namespace gl::wire {

enum class TcpOptionKind : std::uint8_t {
  end = 0,
  nop = 1,
  mss = 2,
  window_scale = 3,
  sack_permitted = 4,
  sack = 5,
  timestamps = 8,
  fast_open = 34
};

struct TcpTimestamps {
  std::uint32_t value = 0;
  std::uint32_t echo = 0;
  friend constexpr bool operator==(const TcpTimestamps&, const TcpTimestamps&) noexcept = default;
};

// RFC 7413 section 4.1.1: without a cookie it asks for one. Ours have 8 bytes; of another length are those of others.
struct FastOpen {
  enum class Kind : std::uint8_t { absent, request, cookie, foreign };
  Kind kind = Kind::absent;
  std::uint64_t cookie = 0;
  friend constexpr bool operator==(const FastOpen&, const FastOpen&) noexcept = default;
};

// RFC 2018 section 3: parts of our stream that the peer holds beyond SEG.ACK, as sequence numbers [begin, end).
struct SackBlocks {
  static constexpr std::size_t kMost = 4;
  struct Block {  // not initialised: every segment would pay for it
    std::uint32_t begin;
    std::uint32_t end;
    friend constexpr bool operator==(const Block&, const Block&) noexcept = default;
  };
  std::uint8_t count = 0;
  std::array<Block, kMost> blocks;
  SackBlocks() noexcept {}
  [[nodiscard]] std::span<const Block> view() const noexcept { return std::span(blocks).first(count); }
};

inline constexpr std::uint8_t kNoWindowScale = 0xff;
inline constexpr std::uint8_t kMostWindowScale = 14;  // RFC 7323 section 2.3: whoever says more means this

struct TcpOptions {
  std::uint16_t mss = 0;  // 0: absent
  bool sack_permitted = false;
  std::uint8_t window_scale = kNoWindowScale;  // shift count, or absent
  FastOpen fast_open;
  SackBlocks sack;
  std::optional<TcpTimestamps> timestamps;
};

inline constexpr std::size_t kMaxTcpOptions = 40;
inline constexpr std::uint32_t kFastOpenCookie = 0x220a;        // kind and length
inline constexpr std::uint32_t kNopNopTimestamps = 0x0101080a;  // as every common stack sends them
inline constexpr std::uint8_t kTimestampsLength = 12;           // with that padding, RFC 7323 appendix A
inline constexpr std::uint32_t kNopNopSackPermitted = 0x01010402;
inline constexpr std::uint32_t kSackPermittedTimestamps = 0x0402080a;
inline constexpr std::uint32_t kMssAbove16 = 0x0204;              // kind and length, above the value
inline constexpr std::uint32_t kNopWindowScaleAbove8 = 0x010303;  // likewise

// Not inline, like what writes them: few segments have them, and the code of all others would grow.
[[gnu::noinline]] inline bool parse_sack_blocks(Bytes blocks, SackBlocks& found) noexcept {
  if (blocks.empty() || blocks.size() % 8 != 0) return false;
  found.count = 0;
  for (std::size_t at = 0; at < blocks.size() && found.count < SackBlocks::kMost; at += 8) {
    found.blocks[found.count++] = {load_be<std::uint32_t>(blocks.data() + at),
                                   load_be<std::uint32_t>(blocks.data() + at + 4)};
  }
  return true;
}
[[gnu::noinline]] inline std::size_t write_sack_blocks(const SackBlocks& blocks, std::uint8_t* out,
                                                       PartialSum& sum) noexcept {
  std::size_t at = 0;
  const auto put = [&](std::uint32_t word) {
    store_be(out + at, word);
    sum += host_to_be(word);
    at += 4;
  };
  put(0x01010500u | (2u + 8u * blocks.count));
  for (const SackBlocks::Block& block : blocks.view()) {
    put(block.begin);
    put(block.end);
  }
  return at;
}

// Whole words of options as every common stack pads them in its SYN, into `found`; returns how many bytes these were.
// The walk below would find the same, a byte at a time.
[[nodiscard]] inline std::size_t parse_common_words(Bytes options, TcpOptions& found) noexcept {
  const std::uint8_t* const p = options.data();
  std::size_t at = 0;
  for (; options.size() - at >= 4; at += 4) {
    const auto word = load_be<std::uint32_t>(p + at);
    if (word >> 16 == kMssAbove16) {
      found.mss = static_cast<std::uint16_t>(word);
    } else if (word >> 8 == kNopWindowScaleAbove8) {
      found.window_scale = std::min(static_cast<std::uint8_t>(word), kMostWindowScale);
    } else if (word == kNopNopSackPermitted) {
      found.sack_permitted = true;
    } else if ((word == kSackPermittedTimestamps || word == kNopNopTimestamps) && options.size() - at >= 12) {
      found.sack_permitted |= word == kSackPermittedTimestamps;
      found.timestamps = TcpTimestamps{load_be<std::uint32_t>(p + at + 4), load_be<std::uint32_t>(p + at + 8)};
      at += 8;
    } else {
      break;
    }
  }
  return at;
}

// The options of a SYN as Linux sends them: MSS, SACK permitted with timestamps, NOP with window scale. Nothing:
// others.
struct CommonSynOptions {
  static constexpr std::size_t kLength = 20;
  std::uint16_t mss;
  std::uint8_t window_scale;
  TcpTimestamps timestamps;
};
[[nodiscard]] inline std::optional<CommonSynOptions> parse_common_syn(Bytes options) noexcept {
  if (options.size() != CommonSynOptions::kLength) return std::nullopt;
  const std::uint8_t* const p = options.data();
  const auto mss = load_be<std::uint32_t>(p);
  const auto scale = load_be<std::uint32_t>(p + 16);
  if (mss >> 16 != kMssAbove16 || load_be<std::uint32_t>(p + 4) != kSackPermittedTimestamps ||
      scale >> 8 != kNopWindowScaleAbove8) {
    return std::nullopt;
  }
  return CommonSynOptions{static_cast<std::uint16_t>(mss),
                          std::min(static_cast<std::uint8_t>(scale), kMostWindowScale),
                          {load_be<std::uint32_t>(p + 8), load_be<std::uint32_t>(p + 12)}};
}

// Fills in what there is of `found`, which is empty before. False where an option has an impossible length; unknown
// options are skipped by their length. Not by value: copying an optional of narrow fields just written waits for each
// of them.
[[nodiscard]] inline bool parse_tcp_options(Bytes options, TcpOptions& found) noexcept {
  const std::uint8_t* const p = options.data();
  const std::size_t n = options.size();
  for (std::size_t at = parse_common_words(options, found); at < n;) {
    const auto kind = static_cast<TcpOptionKind>(p[at]);
    if (kind == TcpOptionKind::end) break;
    if (kind == TcpOptionKind::nop) {
      ++at;
      continue;
    }
    if (n - at < 2) return false;
    const std::size_t length = p[at + 1];
    if (length < 2 || length > n - at) return false;
    if (kind == TcpOptionKind::mss) {
      if (length != 4) return false;
      found.mss = load_be<std::uint16_t>(p + at + 2);
    } else if (kind == TcpOptionKind::sack_permitted) {
      if (length != 2) return false;
      found.sack_permitted = true;
    } else if (kind == TcpOptionKind::window_scale) {
      if (length != 3) return false;
      found.window_scale = std::min(p[at + 2], kMostWindowScale);
    } else if (kind == TcpOptionKind::sack) {
      if (!parse_sack_blocks(options.subspan(at + 2, length - 2), found.sack)) return false;
    } else if (kind == TcpOptionKind::timestamps) {
      if (length != 10) return false;
      found.timestamps = TcpTimestamps{load_be<std::uint32_t>(p + at + 2), load_be<std::uint32_t>(p + at + 6)};
    } else if (kind == TcpOptionKind::fast_open) {
      using enum FastOpen::Kind;
      found.fast_open.kind = length == 2 ? request : length == 10 ? cookie : foreign;
      found.fast_open.cookie = length == 10 ? load_be<std::uint64_t>(p + at + 2) : 0;
    }
    at += length;
  }
  return true;
}
[[nodiscard]] inline std::optional<TcpOptions> parse_tcp_options(Bytes options) noexcept {
  TcpOptions found;
  if (!parse_tcp_options(options, found)) return std::nullopt;
  return found;
}

inline constexpr std::size_t kMaxWrittenTcpOptions = 40;

// What write_tcp_options() will write, in bytes. A cookie and timestamps stand behind one another without padding: a
// SYN-ACK with a cookie is then no longer than a SYN that has MSS, SACK, timestamps and scaling, and asks for one.
[[nodiscard]] constexpr std::size_t written_length(const TcpOptions& options) noexcept {
  const bool cookie = options.fast_open.kind == FastOpen::Kind::cookie;
  // SACK-permitted takes the place of the padding before timestamps.
  const bool alone = options.sack_permitted && (cookie || !options.timestamps);
  const std::size_t sack = options.sack.count > 0 ? 4u + 8u * options.sack.count : 0u;
  return (options.mss != 0 ? 4u : 0u) + (alone ? 4u : 0u) + (options.window_scale != kNoWindowScale ? 4u : 0u) +
         (options.timestamps ? (cookie ? 20u : 12u)
          : cookie           ? 12u
                             : 0u) +
         sack;
}

// Writes what is present (MSS 0: absent; of Fast Open only a cookie; SACK blocks as many as fit: one does beside all
// others but a cookie, three beside timestamps); `out` has room for kMaxWrittenTcpOptions. Returns written_length(), a
// multiple of 4, and adds what it wrote to `sum`, for the checksum.
[[nodiscard]] inline std::size_t write_tcp_options(const TcpOptions& options, std::uint8_t* out,
                                                   PartialSum& sum) noexcept {
  std::size_t at = 0;
  const auto put = [&](std::uint32_t word) {
    store_be(out + at, word);
    sum += host_to_be(word);
    at += 4;
  };
  if (options.mss != 0) put(0x02040000u | options.mss);
  if (options.window_scale != kNoWindowScale) put(0x01030300u | options.window_scale);
  const bool cookie = options.fast_open.kind == FastOpen::Kind::cookie;
  if (options.sack_permitted && (cookie || !options.timestamps)) put(kNopNopSackPermitted);
  if (cookie) {
    if (const auto& times = options.timestamps; times) {
      put(0x080a0000u | times->value >> 16);
      put(times->value << 16 | times->echo >> 16);
      put(times->echo << 16 | kFastOpenCookie);
    } else {
      put(0x01010000u | kFastOpenCookie);
    }
    put(static_cast<std::uint32_t>(options.fast_open.cookie >> 32));
    put(static_cast<std::uint32_t>(options.fast_open.cookie));
  } else if (options.timestamps) {
    put(options.sack_permitted ? kSackPermittedTimestamps : kNopNopTimestamps);
    put(options.timestamps->value);
    put(options.timestamps->echo);
  }
  if (options.sack.count > 0) [[unlikely]]
    at += write_sack_blocks(options.sack, out + at, sum);
  return at;
}
[[nodiscard]] inline std::size_t write_tcp_options(const TcpOptions& options, std::uint8_t* out) noexcept {
  PartialSum unused = 0;
  return write_tcp_options(options, out, unused);
}

}  // namespace gl::wire
