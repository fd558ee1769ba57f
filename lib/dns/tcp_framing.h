// Where a DNS message in a TCP stream ends: by its two-byte length prefix, or, when that was consumed earlier, by
// walking the records its header counts.
// Byte order: wire. Ownership: the request is a view of the stream. Errors: the Kind. Source: RFC 7766 8.
#pragma once

#include "lib/base/bytes.h"
#include "lib/base/framed.h"
#include "lib/dns/message.h"

namespace gl::dns {

inline constexpr std::size_t kPrefixSize = 2;
// The window we advertise: what is longer, prefix included, can never arrive as one segment.
inline constexpr std::size_t kMaxFramedQuery = 4094;

namespace detail {
// A message whose prefix is gone. Bytes that a client hid after the last counted record, within the length it
// declared, cannot be told from the next prefix: such a client gets FORMERR or a reset for what follows.
[[nodiscard]] inline Framed next_without_prefix(Bytes stream) noexcept {
  const Bytes window = stream.first(std::min(stream.size(), kMaxFramedQuery - kPrefixSize));
  const Framed::Kind unfinished = stream.size() > window.size() || window.size() == kMaxFramedQuery - kPrefixSize
                                      ? Framed::Kind::malformed
                                      : Framed::Kind::incomplete;
  if (window.size() < kHeaderSize) return {unfinished};
  std::size_t questions = load_be<std::uint16_t>(window.data() + 4);
  std::size_t records = std::size_t{load_be<std::uint16_t>(window.data() + 6)} +
                        load_be<std::uint16_t>(window.data() + 8) + load_be<std::uint16_t>(window.data() + 10);
  // The smallest question has 5 bytes, the smallest record 11.
  if (kHeaderSize + 5 * questions + 11 * records > kMaxFramedQuery) return {Framed::Kind::malformed};
  Cursor cursor(window, kHeaderSize);
  for (; questions > 0 && cursor.ok(); --questions) {
    cursor.skip_name();
    cursor.u32();
  }
  for (; records > 0 && cursor.ok(); --records) {
    cursor.skip_name();
    cursor.bytes(8);
    cursor.bytes(cursor.u16());
  }
  if (!cursor.ok()) return {cursor.malformed() ? Framed::Kind::malformed : unfinished};
  return {Framed::Kind::complete, window.first(cursor.at()), cursor.at()};
}
}  // namespace detail

[[nodiscard]] inline Framed next_message(Bytes stream, bool prefix_consumed) noexcept {
  if (prefix_consumed) return detail::next_without_prefix(stream);
  if (stream.size() < kPrefixSize) return {Framed::Kind::incomplete};
  const std::size_t length = load_be<std::uint16_t>(stream.data());
  if (length < kHeaderSize || kPrefixSize + length > kMaxFramedQuery) return {Framed::Kind::malformed};
  if (stream.size() == kPrefixSize) return {Framed::Kind::prefix_only};
  if (stream.size() < kPrefixSize + length) return {Framed::Kind::incomplete};
  return {Framed::Kind::complete, stream.subspan(kPrefixSize, length), kPrefixSize + length};
}

}  // namespace gl::dns
