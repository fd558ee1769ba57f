// Kernel sockets that are waited for, with deadlines, and given up when the program ends.
// Units: milliseconds. Byte order: messages as on the wire, without the length prefix of TCP, which is added and taken
// here. Ownership: owns its sockets. Thread: one each. Errors: one line. Source: RFC 1035 section 4.2, RFC 7766.
#pragma once

#include <atomic>
#include <chrono>
#include <functional>

#include "lib/base/descriptor.h"
#include "lib/base/result.h"
#include "lib/transfer/record.h"
#include "lib/transfer/settings.h"
#include "lib/wire/kernel_socket.h"

namespace gl::transfer {

using Clock = std::chrono::steady_clock;
using Stop = std::atomic<bool>;

// A connection: messages in and out.
class Stream {
 public:
  // Everything ends at `end`, and waiting for one step after `idle` at the latest.
  Stream(const Stop& stop, Clock::time_point end, std::chrono::milliseconds idle)
      : stop_(stop), end_(end), idle_(idle) {}
  // An accepted connection.
  void take(int socket) { socket_.reset(socket); }
  [[nodiscard]] Status connect(const wire::Endpoint& host);
  [[nodiscard]] Status send(Bytes message);
  // `by`: when all of it has to be there.
  [[nodiscard]] Status receive(Message& message, Clock::time_point by = Clock::time_point::max());

 private:
  [[nodiscard]] Status wait(short events);
  [[nodiscard]] Status read(MutableBytes into);
  [[nodiscard]] Error too_long() const;

  Descriptor socket_;
  const Stop& stop_;
  const Clock::time_point end_;
  Clock::time_point by_ = end_;  // of the step that is taken now
  const std::chrono::milliseconds idle_;
};

// Asks over UDP, three times at most. `take` says whether a datagram is the answer.
[[nodiscard]] Status ask_datagram(const wire::Endpoint& host, Bytes query, const Stop& stop,
                                  const std::function<bool(Bytes answer)>& take);

}  // namespace gl::transfer
