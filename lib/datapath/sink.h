// Where replies go. The worker's sink holds mbufs; a test's or a fuzzer's holds any memory.
// Ownership: reply() takes the received frame's buffer, send_extra() the one that extra() lent. Thread: that core only.
#pragma once

#include <concepts>

#include "lib/datapath/frame.h"

namespace gl::datapath {

template <class T>
concept ReplySink = requires(T& sink, Frame& frame, unsigned core) {
  // The received frame now holds a reply of `frame.length` bytes: send it.
  { sink.reply(frame) }
  noexcept->std::same_as<void>;
  // The frame is a reply for another core: true where it takes the buffer.
  { sink.hand_off(core) }
  noexcept->std::same_as<bool>;
  // Fills in an empty buffer for one further frame; false where there is none.
  { sink.extra(frame) }
  noexcept->std::same_as<bool>;
  // Sends the buffer that extra() gave last.
  { sink.send_extra(frame) }
  noexcept->std::same_as<void>;
};

}  // namespace gl::datapath
