// What a service is told of one request besides its bytes, and what stands for an answer that is not there yet.
// Byte order: wire in spans, otherwise host. Ownership: spans are borrowed for the call. Thread: plain values.
#pragma once

#include <cstdint>

#include "lib/base/bytes.h"

namespace gl {

class Suspender;

struct RequestContext {
  // The client holds the beginning of this answer: give exactly the bytes that were given before, or
  // `unrepeatable` where that cannot be known.
  bool continuation = false;
  // The request came before its connection stood (TCP Fast Open), and will come again behind it.
  bool early = false;
  // An answer may be longer than kMaxRenderedAnswer: it ends the connection.
  bool any_length = false;
  // Both ends, in wire order: client address, server address, client port, server port; 12 bytes or 36.
  Bytes flow{};
  // TCP: the client's sequence number at the first byte of the request (behind its framing). With `flow` it names
  // this very request, however often it is repeated.
  std::uint32_t position = 0;
  // With `continuation`: what Answer::identity was when this answer was begun. 0: not known.
  std::uint32_t identity = 0;
  // The datagram that a Suspender has resumed, and nothing else: with the bytes that it had when it was suspended.
  bool resumed = false;
};

// Stands for an answer that somebody else has been asked for. The service gives it with `pending`, and the stages hand
// it back with the frame that is to wait.
struct Ticket {
  static constexpr std::uint32_t kNone = 0xffffffff;
  std::uint64_t tag = 0;  // of the request: the same however often it is repeated
  std::uint32_t slot = kNone;
  std::uint16_t generation = 0;  // of the slot's use
  bool stream = false;           // the newest frame of its flow says more than those before
  Suspender* keeper = nullptr;   // of the frame while it waits

  // Without one nothing waits: the request comes again by itself.
  [[nodiscard]] bool valid() const noexcept { return slot != kNone; }
};

}  // namespace gl
