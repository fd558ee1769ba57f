// What server and client have agreed on for one transfer, and how its blocks are numbered.
// Units: bytes, seconds, blocks. Thread: plain values and pure functions. Errors: none.
// Sources: RFC 2347 to 2349, RFC 7440 section 3; wrapping is in no RFC: most clients expect 0 after 65535, some 1.
#pragma once

#include <cstdint>
#include <optional>

#include "lib/services/tftp/packet.h"

namespace gl::tftp {

enum class Wrap : std::uint8_t { zero, one, refuse };

// What the operator and the port allow.
struct Limits {
  std::uint16_t blksize = 1468;  // that a DATA of it is not fragmented
  std::uint16_t windowsize = 64;
  Wrap wrap = Wrap::zero;
};

struct Terms {
  Mode mode = Mode::octet;
  Wrap wrap = Wrap::zero;
  std::uint16_t blksize = kDefaultBlksize;
  std::uint16_t windowsize = 1;
  Options agreed{};  // what the OACK says; none: there is no OACK
};

// `size`: of the file, where it is known. Each value is at most the one that was asked for.
[[nodiscard]] Terms agree(const Request& request, const Limits& limits, std::optional<std::uint64_t> size) noexcept;

// The last number before they wrap, which is also the most that `wrap=refuse` lets a transfer have.
inline constexpr std::uint64_t kLastNumber = 65535;

// The number of block `n` in its packet. Block 0 is what comes before the first: an OACK.
[[nodiscard]] constexpr std::uint16_t number_of(std::uint64_t n, Wrap wrap) noexcept {
  if (wrap != Wrap::one || n == 0) return static_cast<std::uint16_t>(n);
  return static_cast<std::uint16_t>((n - 1) % kLastNumber + 1);
}
// How many blocks behind `n` the next one with this number is; 0: `n` itself. Nothing where none has it.
[[nodiscard]] constexpr std::optional<std::uint64_t> blocks_behind(std::uint64_t n, std::uint16_t number,
                                                                   Wrap wrap) noexcept {
  const std::uint16_t from = number_of(n, wrap);
  if (wrap != Wrap::one) return static_cast<std::uint16_t>(number - from);
  if (number == 0) return n == 0 ? std::optional<std::uint64_t>(0) : std::nullopt;
  return (number + kLastNumber - from) % kLastNumber;
}

}  // namespace gl::tftp
