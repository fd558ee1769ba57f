// The messages of a zone that is given out: the request's question, and as many records as fit, one after the other.
// Owner names are compressed against the zone's and the owner before. Byte order: wire. Ownership: values.
// Thread: one. Errors: false where a record fits no message. Source: RFC 5936 section 2.2.
#pragma once

#include <string>

#include "lib/transfer/record.h"

namespace gl::transfer {

// Header and question of an answer to `request`, which has one question.
[[nodiscard]] Message begin_answer(Bytes request, unsigned rcode, bool authoritative);

class MessagePacker {
 public:
  MessagePacker(Bytes request, std::string apex) : head_(begin_answer(request, 0, true)), apex_(std::move(apex)) {
    begin();
  }
  // False: not in this message. Where it is empty, the record fits none.
  [[nodiscard]] bool add(const Record& record);
  [[nodiscard]] bool is_empty() const noexcept { return answers_ == 0; }
  // The message so far; the next one begins.
  [[nodiscard]] Message take();

 private:
  void begin();
  void append_owner(const std::string& owner);

  const Message head_;
  const std::string apex_;
  Message message_;
  unsigned answers_ = 0;
  std::string last_owner_;
  std::size_t last_at_ = 0;
};

}  // namespace gl::transfer
