// Connections that are served, a thread each: so many at once, and so many of one address.
// Ownership: owns threads and sockets. Thread: start() and join() by one. Errors: one line; the connection is closed.
#pragma once

#include <atomic>
#include <functional>
#include <list>
#include <thread>

#include "lib/base/descriptor.h"
#include "lib/base/result.h"
#include "lib/wire/kernel_socket.h"

namespace gl::control {

class Sessions {
 public:
  static constexpr std::size_t kMost = 16;
  static constexpr std::size_t kMostOfOne = 8;  // address

  // `serve` owns the socket, and returns when the connection is over.
  using Serve = std::function<void(int socket, const wire::Endpoint& from)>;
  explicit Sessions(Serve serve) : serve_(std::move(serve)) {}
  Sessions(const Sessions&) = delete;
  Sessions& operator=(const Sessions&) = delete;
  ~Sessions() { join(); }

  // Takes the socket, or leaves it: there are too many, and he comes again. An error: there is no thread for it.
  [[nodiscard]] Status start(Descriptor& socket, const wire::Endpoint& from);
  // Returns when all are over.
  void join();

 private:
  struct Session {
    explicit Session(const wire::Endpoint& client) : from(client) {}
    wire::Endpoint from;
    std::thread thread{};
    std::atomic<bool> ended{false};
  };
  void run(Session& session, int socket) noexcept;
  [[nodiscard]] bool has_room_for(const wire::IpAddress& address) const;

  const Serve serve_;
  std::list<Session> sessions_;
};

}  // namespace gl::control
