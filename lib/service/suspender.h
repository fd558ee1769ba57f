// Frames whose answer is not there yet, and who keeps them until it is: one keeper for each way of asking somebody
// else. A service that says `pending` names the keeper in its ticket; the stages then hand it the frame. Units:
// microseconds. Ownership: a keeper takes copies of frames. Thread: one instance a core, that core only. Errors: by
// value; everything is noexcept, and nothing here may allocate, lock, log or make a system call.
#pragma once

#include <cstdint>

#include "lib/base/bytes.h"
#include "lib/service/request.h"

namespace gl {

// A frame that waits, or has waited.
struct Suspended {
  Bytes frame{};           // as it was received; its checksums hold
  std::uint16_t port = 0;  // index of the interface that it came through
};

class Suspender {
 public:
  Suspender(const Suspender&) = delete;
  Suspender& operator=(const Suspender&) = delete;

  enum class Suspend : std::uint8_t {
    suspended,
    repeated,  // this request waits already: drop the frame
  };
  // A copy is taken. `ticket` is what the service gave last.
  [[nodiscard]] virtual Suspend suspend(const Suspended& what, const Ticket& ticket) noexcept = 0;
  // Frames whose answer has come: null if there is none. Between resume() and release() the keeper knows that the frame
  // has waited; it may have to be suspended again.
  [[nodiscard]] virtual const Suspended* resume() noexcept = 0;
  virtual void release() noexcept = 0;
  // In every round of the core: time-outs, answers that came back. `now_us` is monotonic.
  virtual void tick(std::uint64_t now_us) noexcept = 0;

 protected:
  Suspender() = default;
  ~Suspender() = default;
};

}  // namespace gl
