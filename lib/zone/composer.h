// Puts blocks together into a message: copies, shifts their pointers, counts records, minds the limit.
// Byte order: wire. Ownership: writes into the caller's buffer. Errors: false: it did not fit, or a pointer would
// not reach. Packet path: no allocation. Source: RFC 1035 4.1.4, RFC 2181 9.
#pragma once

#include <cstdint>
#include <cstring>

#include "lib/base/bytes.h"
#include "lib/base/endian.h"
#include "lib/zone/block.h"

namespace gl::zone {

// A name that stands uncompressed in the message: the question's, or the target of a CNAME.
struct NameAt {
  std::size_t at;
  std::size_t length;
  [[nodiscard]] std::size_t end() const noexcept { return at + length; }
};

class Composer {
 public:
  // `message` is where the header goes; header and question already stand there, up to `begin`. Nothing is written
  // at or beyond `limit`.
  Composer(std::uint8_t* message, std::size_t begin, std::size_t limit) noexcept
      : message_(message), at_(begin), limit_(limit) {}

  [[nodiscard]] std::size_t at() const noexcept { return at_; }
  [[nodiscard]] const std::uint8_t* message() const noexcept { return message_; }
  [[nodiscard]] std::uint16_t answers() const noexcept { return answers_; }
  [[nodiscard]] std::uint16_t authorities() const noexcept { return authorities_; }
  [[nodiscard]] std::uint16_t additionals() const noexcept { return additionals_; }

  // Whether the block's pointers into itself would reach, if it came next. Always, but behind a long chain of aliases.
  [[nodiscard]] bool reaches(const Block& block) const noexcept {
    return block.self == 0 || block.max_self + (at_ - block.rendered_at()) <= dns::kMaxPointer;
  }

  // The whole block, or as much of its optional end as fits. Its base name is a suffix of `name`; `own` is where
  // its base name starts, or for a wildcard's block the name that stands in for it.
  [[nodiscard]] bool add(const Block& block, std::size_t own, NameAt name) noexcept {
    std::size_t size = block.size;
    std::uint16_t additionals = block.additionals;
    if (at_ + size > limit_ && !fit(block, size, additionals)) return false;
    const std::size_t shift = at_ - block.rendered_at();
    if (!copy(block, 0, size, own, name, shift, shift)) return false;
    answers_ = static_cast<std::uint16_t>(answers_ + block.answers);
    authorities_ = static_cast<std::uint16_t>(authorities_ + block.authorities);
    additionals_ = static_cast<std::uint16_t>(additionals_ + additionals);
    return true;
  }

  // Only its answer section; add_rest() gives what remains, once the authority section stands.
  [[nodiscard]] bool add_answer(const Block& block, std::size_t own, NameAt name) noexcept {
    if (at_ + block.answer_size > limit_) return false;
    const std::size_t shift = at_ - block.rendered_at();
    if (!copy(block, 0, block.answer_size, own, name, shift, shift)) return false;
    answers_ = static_cast<std::uint16_t>(answers_ + block.answers);
    return true;
  }
  // `answer_at` is where add_answer() put the beginning. All of it is optional: what does not fit is left out.
  void add_rest(const Block& block, std::size_t own, NameAt name, std::size_t answer_at) noexcept {
    std::size_t size = block.size;
    std::uint16_t additionals = block.additionals;
    const std::size_t end = at_ + size - block.answer_size;
    if (end > limit_ || end > dns::kMaxPointer) return;
    const std::size_t before = at_;
    if (!copy(block, block.answer_size, size, own, name, answer_at - block.rendered_at(),
              at_ - block.answer_size - block.rendered_at())) {
      at_ = before;
      return;
    }
    additionals_ = static_cast<std::uint16_t>(additionals_ + additionals);
  }

  // Bytes of one record that the caller made. Room is checked here.
  [[nodiscard]] std::uint8_t* reserve_answer(std::size_t size) noexcept {
    if (at_ + size > limit_) return nullptr;
    std::uint8_t* const place = message_ + at_;
    at_ += size;
    ++answers_;
    return place;
  }

 private:
  [[nodiscard]] bool fit(const Block& block, std::size_t& size, std::uint16_t& additionals) const noexcept {
    for (std::size_t i = block.cut_count; i-- > 0;) {
      const BlockCut& cut = block.cuts()[i];
      if (at_ + cut.size > limit_) continue;
      size = cut.size;
      additionals = cut.additionals;
      return true;
    }
    return false;
  }

  void shift_pointer(std::uint8_t* at, std::size_t shift) const noexcept {
    store_be<std::uint16_t>(at, static_cast<std::uint16_t>(load_be<std::uint16_t>(at) + shift));
  }

  // Bytes [from, to) of the block to at_. Shifts wrap around as unsigned numbers do: they may be negative.
  [[nodiscard]] bool copy(const Block& block, std::size_t from, std::size_t to, std::size_t own, NameAt name,
                          std::size_t answer_shift, std::size_t rest_shift) noexcept {
    if (block.self > 0 && block.max_self + rest_shift > dns::kMaxPointer) return false;
    std::uint8_t* const out = message_ + at_ - from;  // so that out + offset in block is its place
    std::memcpy(out + from, block.bytes() + from, to - from);
    at_ += to - from;
    const std::uint16_t* patch = block.patches();
    const auto outside = [&](std::uint16_t offset) { return offset < from || offset >= to; };
    if (own != dns::kHeaderSize) {
      for (std::size_t i = 0; i < block.own; ++i) {
        if (!outside(patch[i])) store_be<std::uint16_t>(out + patch[i], static_cast<std::uint16_t>(0xc000 | own));
      }
    }
    patch += block.own;
    const std::size_t suffix_shift = name.end() - block.base_length - dns::kHeaderSize;
    if (suffix_shift != 0) {
      for (std::size_t i = 0; i < block.suffix; ++i) {
        if (!outside(patch[i])) shift_pointer(out + patch[i], suffix_shift);
      }
    }
    patch += block.suffix;
    if (answer_shift == 0 && rest_shift == 0) return true;
    for (std::size_t i = 0; i < block.self; ++i) {
      if (outside(patch[i])) continue;
      const std::size_t target = (load_be<std::uint16_t>(out + patch[i]) & dns::kMaxPointer) - block.rendered_at();
      shift_pointer(out + patch[i], target < block.answer_size ? answer_shift : rest_shift);
    }
    return true;
  }

  std::uint8_t* message_;
  std::size_t at_;
  std::size_t limit_;
  std::uint16_t answers_ = 0;
  std::uint16_t authorities_ = 0;
  std::uint16_t additionals_ = 0;
};

}  // namespace gl::zone
