// TFTP packets: requests cut into their words, and everything else that goes over the wire.
// Units: bytes, seconds, blocks. Byte order: wire in spans, host in values. Ownership: views of the packet. Thread:
// pure functions. Errors: an error code of the protocol, or nothing. Sources: RFC 1350, RFC 2347 (options), RFC 2348
// (blksize), RFC 2349 (timeout, tsize), RFC 7440 (windowsize).
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "lib/base/bytes.h"
#include "lib/base/endian.h"

namespace gl::tftp {

enum class Opcode : std::uint16_t { rrq = 1, wrq, data, ack, error, oack };
enum class ErrorCode : std::uint16_t {
  not_defined,
  file_not_found,
  access_violation,
  disk_full,
  illegal_operation,
  unknown_tid,
  file_exists,
  no_such_user,
  option_negotiation,
};

inline constexpr std::size_t kHeader = 4;         // of DATA, ACK and ERROR
inline constexpr std::size_t kMaxRequest = 1024;  // RFC 2347 says 512; some clients send longer names
inline constexpr std::uint16_t kDefaultBlksize = 512;
inline constexpr std::uint16_t kMinBlksize = 8;
inline constexpr std::uint16_t kMaxBlksize = 65464;

enum class Mode : std::uint8_t { octet, netascii };

// What a request asks for; each option as it was asked, or nothing.
struct Options {
  std::optional<std::uint32_t> blksize{};
  std::optional<std::uint64_t> tsize{};
  std::optional<std::uint8_t> timeout{};
  std::optional<std::uint32_t> windowsize{};
  [[nodiscard]] bool any() const noexcept { return blksize || tsize || timeout || windowsize; }
};

struct Request {
  bool write = false;
  std::string_view name{};  // as it was sent: neither empty nor with a NUL in it
  Mode mode = Mode::octet;
  Options options{};
};

// A request, or the ERROR that answers it.
struct ParsedRequest {
  std::optional<Request> request{};
  ErrorCode error = ErrorCode::not_defined;
  std::string_view text{};
};

[[nodiscard]] inline std::optional<Opcode> opcode_of(Bytes packet) noexcept {
  if (packet.size() < 2) return std::nullopt;
  return static_cast<Opcode>(load_be<std::uint16_t>(packet.data()));
}
// The number in a DATA or an ACK.
[[nodiscard]] inline std::optional<std::uint16_t> block_of(Bytes packet) noexcept {
  if (packet.size() < kHeader) return std::nullopt;
  return load_be<std::uint16_t>(packet.data() + 2);
}

// `packet` is RRQ or WRQ by its opcode. Options that nobody here knows are passed over (RFC 2347), and so are zeros
// that fill a packet up.
[[nodiscard]] ParsedRequest parse_request(Bytes packet) noexcept;

// The name as a path of the file store: `/` in front and between, one at a time, without `.`; a backslash counts as a
// slash. Nothing where a part is `..`, where it names a directory, or where `room` is too small.
[[nodiscard]] std::optional<std::string_view> path_of(std::string_view name, std::span<char> room) noexcept;

// Each returns how long the packet is; 0: it has no room.
std::size_t write_header(MutableBytes out, Opcode opcode, std::uint16_t number) noexcept;
// With as much of the text as there is room for.
std::size_t write_error(MutableBytes out, ErrorCode code, std::string_view text) noexcept;
std::size_t write_oack(MutableBytes out, const Options& agreed) noexcept;

}  // namespace gl::tftp
