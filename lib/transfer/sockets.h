// Kernel sockets that are waited for, with deadlines, and given up when the program ends.
// Units: milliseconds. Byte order: messages as on the wire, without the length prefix of TCP, which is added and taken
// here. Ownership: owns its sockets. Thread: one each. Errors: one line. Source: RFC 1035 section 4.2, RFC 7766.
#pragma once

#include <sys/socket.h>

#include <atomic>
#include <chrono>
#include <functional>

#include "lib/base/descriptor.h"
#include "lib/base/result.h"
#include "lib/transfer/record.h"
#include "lib/transfer/settings.h"

namespace gl::transfer {

using Clock = std::chrono::steady_clock;
using Stop = std::atomic<bool>;

struct SocketAddress {
  sockaddr_storage storage{};
  socklen_t length = sizeof(sockaddr_storage);
  SocketAddress() = default;
  explicit SocketAddress(const Host& host);
  [[nodiscard]] Host host() const;
  [[nodiscard]] const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage); }  // NOLINT
  [[nodiscard]] sockaddr* get() { return reinterpret_cast<sockaddr*>(&storage); }                    // NOLINT
};

// Bound, and listening where it is a stream's. Errors name the address.
[[nodiscard]] Status open_listener(Descriptor& socket, const Host& host, int type);

// A connection: messages in and out.
class Stream {
 public:
  // Everything ends at `end`, and waiting for one step after `idle` at the latest.
  Stream(const Stop& stop, Clock::time_point end, std::chrono::milliseconds idle)
      : stop_(stop), end_(end), idle_(idle) {}
  // An accepted connection.
  void take(int socket) { socket_.reset(socket); }
  [[nodiscard]] Status connect(const Host& host);
  [[nodiscard]] Status send(Bytes message);
  [[nodiscard]] Status receive(Message& message);

 private:
  [[nodiscard]] Status wait(short events);
  [[nodiscard]] Status read(MutableBytes into);

  Descriptor socket_;
  const Stop& stop_;
  const Clock::time_point end_;
  const std::chrono::milliseconds idle_;
};

// Asks over UDP, three times at most. `take` says whether a datagram is the answer.
[[nodiscard]] Status ask_datagram(const Host& host, Bytes query, const Stop& stop,
                                  const std::function<bool(Bytes answer)>& take);

}  // namespace gl::transfer
