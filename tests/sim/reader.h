// The client's application, as far as the model client has to know it.
// Ownership: none. Thread: one.
#pragma once

#include <cstddef>

#include "lib/base/bytes.h"

namespace gl::sim {

class AnswerReader {
 public:
  AnswerReader() = default;
  AnswerReader(const AnswerReader&) = delete;
  AnswerReader& operator=(const AnswerReader&) = delete;
  virtual ~AnswerReader() = default;

  // `bytes`: everything read so far.
  virtual void read(Bytes bytes) = 0;
  // How many answers it has in whole.
  [[nodiscard]] virtual std::size_t answers() const = 0;
  [[nodiscard]] virtual bool complete() const = 0;
};

}  // namespace gl::sim
