// A DNS message as its header counts it: whether the records fill it exactly, and how many OPTs there are. Names are
// not followed, but their pointers have to go back (RFC 1035 section 4.1.4). Own code on purpose: it shares nothing
// with what it checks. Byte order: wire. Thread: any.
#pragma once

#include <cstdint>

#include "lib/base/bytes.h"

namespace gl::fuzz {

class MessageOutline {
 public:
  explicit MessageOutline(Bytes message) : message_(message) {
    if (message.size() < 12) return;
    at_ = 12;
    for (unsigned i = u16(4); i > 0 && ok_; --i) {
      name();
      skip(4);
    }
    for (unsigned i = u16(6) + u16(8) + u16(10); i > 0 && ok_; --i) record();
  }
  [[nodiscard]] bool whole() const { return ok_ && at_ == message_.size(); }
  [[nodiscard]] unsigned opts() const { return opts_; }

 private:
  [[nodiscard]] unsigned u16(std::size_t at) {
    if (at + 2 > message_.size()) return ok_ = false, 0U;
    return message_[at] * 256U + message_[at + 1];
  }
  void skip(std::size_t count) {
    if (count > message_.size() - at_) {
      ok_ = false;
    } else {
      at_ += count;
    }
  }
  void name() {
    const std::size_t start = at_;
    while (ok_) {
      if (at_ >= message_.size()) break;
      const unsigned label = message_[at_];
      if (label >= 0xc0) {
        const unsigned target = u16(at_) & 0x3fff;
        ok_ = ok_ && target < start;
        skip(2);
        return;
      }
      if (label >= 0x40) break;
      skip(1 + label);
      if (label == 0) return;
    }
    ok_ = false;
  }
  void record() {
    name();
    if (u16(at_) == 41) ++opts_;
    skip(8);
    const unsigned length = u16(at_);
    skip(2);
    skip(length);
  }

  Bytes message_;
  std::size_t at_ = 0;
  bool ok_ = true;
  unsigned opts_ = 0;
};

}  // namespace gl::fuzz
