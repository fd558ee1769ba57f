// A DNS message as it arrives: the header, and a cursor for what follows.
// Byte order: wire; values in host order. Ownership: borrows the message. Errors: sticky in the cursor.
// Source: RFC 1035 4.1, RFC 4035 3.1.6 (AD, CD).
#pragma once

#include <cstdint>

#include "lib/base/bytes.h"
#include "lib/base/endian.h"
#include "lib/dns/name.h"
#include "lib/dns/types.h"

namespace gl::dns {

struct Header {
  Be16 id;
  Be16 flags;
  Be16 questions;
  Be16 answers;
  Be16 authorities;
  Be16 additionals;
};
static_assert(sizeof(Header) == kHeaderSize);

namespace flag {
inline constexpr std::uint16_t qr = 0x8000, aa = 0x0400, tc = 0x0200, rd = 0x0100, ra = 0x0080, ad = 0x0020,
                               cd = 0x0010;
inline constexpr std::uint16_t opcode_mask = 0x7800, rcode_mask = 0x000f;
}  // namespace flag

[[nodiscard]] constexpr Opcode opcode_of(std::uint16_t flags) noexcept {
  return static_cast<Opcode>((flags & flag::opcode_mask) >> 11);
}

// Reads forward within a span. The first step past the end fails it for good: check ok() once, at the end.
class Cursor {
 public:
  explicit Cursor(Bytes data, std::size_t at = 0) noexcept : data_(data), at_(at), ok_(at <= data.size()) {}

  [[nodiscard]] bool ok() const noexcept { return ok_; }
  // Failed over what was there, not for want of more.
  [[nodiscard]] bool malformed() const noexcept { return malformed_; }
  [[nodiscard]] std::size_t at() const noexcept { return at_; }
  [[nodiscard]] std::size_t left() const noexcept { return ok_ ? data_.size() - at_ : 0; }
  [[nodiscard]] bool done() const noexcept { return ok_ && at_ == data_.size(); }

  std::uint8_t u8() noexcept { return need(1) ? data_[at_++] : std::uint8_t{0}; }
  std::uint16_t u16() noexcept { return integer<std::uint16_t>(); }
  std::uint32_t u32() noexcept { return integer<std::uint32_t>(); }

  Bytes bytes(std::size_t count) noexcept {
    if (!need(count)) return {};
    const Bytes taken = data_.subspan(at_, count);
    at_ += count;
    return taken;
  }
  // One name, possibly ended by a compression pointer, which is not followed.
  void skip_name() noexcept {
    const std::size_t start = at_;
    while (true) {
      const std::size_t label = u8();
      if (!ok_ || label == 0) return;
      if (label >= 0xc0) {
        u8();
        return;
      }
      if (label > kMaxLabel || at_ + label - start >= kMaxName) {
        malformed_ = true;
        ok_ = false;
        return;
      }
      bytes(label);
    }
  }

 private:
  [[nodiscard]] bool need(std::size_t count) noexcept {
    if (!ok_ || data_.size() - at_ < count) ok_ = false;
    return ok_;
  }
  template <class T>
  T integer() noexcept {
    if (!need(sizeof(T))) return 0;
    const T value = load_be<T>(data_.data() + at_);
    at_ += sizeof(T);
    return value;
  }

  Bytes data_;
  std::size_t at_;
  bool ok_;
  bool malformed_ = false;
};

// The one question of a query. Its name is never compressed: nothing stands before it to point at.
struct Question {
  Name name;
  std::uint16_t type = 0;
  std::uint16_t rr_class = 0;
  std::uint16_t end = 0;  // offset in the message of what follows
};

[[nodiscard]] inline bool parse_question(Bytes message, Question& question) noexcept {
  if (message.size() < kHeaderSize || !question.name.parse(message.subspan(kHeaderSize))) return false;
  Cursor cursor(message, kHeaderSize + question.name.length);
  question.type = cursor.u16();
  question.rr_class = cursor.u16();
  question.end = static_cast<std::uint16_t>(cursor.at());
  return cursor.ok();
}

}  // namespace gl::dns
