// Whether a DNS answer is one: header, and every record of every section walked with its names' compression pointers
// (RFC 1035 sections 4.1 and 4.1.4). Own code on purpose: it shares nothing with what it checks.
// Byte order: wire. Thread: any. Errors: check() aborts.
#pragma once

#include <cstdint>

#include "lib/base/bytes.h"
#include "lib/base/endian.h"
#include "tests/fuzz/check.h"

namespace gl::fuzz {

class DnsAnswerCheck {
 public:
  DnsAnswerCheck(Bytes request, Bytes answer) : answer_(answer) {
    check(answer.size() >= 12 && answer.size() <= 65535, "an answer has a header and fits its length");
    check(answer[0] == request[0] && answer[1] == request[1], "an answer has the query's ID");
    check((answer[2] & 0x80) != 0, "an answer has QR=1");
    for (unsigned i = u16(4); i > 0; --i) {
      name();
      skip(4);
    }
    for (unsigned i = u16(6) + u16(8) + u16(10); i > 0; --i) record();
    check(at_ == answer.size(), "an answer ends with its last record");
  }
  [[nodiscard]] bool truncated() const { return (answer_[2] & 0x02) != 0; }

 private:
  [[nodiscard]] unsigned u16(std::size_t at) const {
    check(at + 2 <= answer_.size(), "a field lies in the answer");
    return load_be<std::uint16_t>(answer_.data() + at);
  }
  void skip(std::size_t count) {
    check(count <= answer_.size() - at_, "a record lies in the answer");
    at_ += count;
  }
  void record() {
    name();
    skip(8);
    const unsigned length = u16(at_);
    skip(2);
    skip(length);
  }
  // A pointer goes to an earlier place, so it ends.
  void name() {
    std::size_t at = at_;
    std::size_t length = 1;
    bool jumped = false;
    while (true) {
      check(at < answer_.size(), "a name lies in the answer");
      const unsigned label = answer_[at];
      if (label >= 0xc0) {
        const std::size_t target = u16(at) & 0x3fff;
        check(target < at, "a pointer goes back");
        if (!jumped) at_ = at + 2;
        jumped = true;
        at = target;
        continue;
      }
      check(label < 0x40, "a label is at most 63 bytes long");
      at += 1 + label;
      length += label == 0 ? 0 : 1 + label;
      if (label == 0) break;
    }
    check(length <= 255, "a name is at most 255 bytes long");
    if (!jumped) at_ = at;
  }

  Bytes answer_;
  std::size_t at_ = 12;
};

}  // namespace gl::fuzz
