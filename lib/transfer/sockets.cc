#include "lib/transfer/sockets.h"

#include <poll.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "lib/base/endian.h"
#include "lib/dns/types.h"

namespace gl::transfer {
namespace {

using std::chrono::milliseconds;
constexpr milliseconds kLookAgain{100};  // at the stop flag

Error failed(const std::string& what) {
  return Error{what + ": " + std::strerror(errno)};
}

// > 0: ready. 0: the time is over, or the program ends.
int wait_for(int socket, short events, const Stop& stop, Clock::time_point end) {
  while (!stop.load(std::memory_order_relaxed)) {
    const auto left = std::chrono::duration_cast<milliseconds>(end - Clock::now());
    if (left.count() <= 0) return 0;
    pollfd wanted{socket, events, 0};
    const int ready = poll(&wanted, 1, static_cast<int>(std::min(left + milliseconds(1), kLookAgain).count()));
    if (ready != 0 && (ready > 0 || errno != EINTR)) return ready;
  }
  return 0;
}

}  // namespace

Status Stream::wait(short events) {
  const int ready = wait_for(socket_.get(), events, stop_, std::min(by_, Clock::now() + idle_));
  if (ready > 0) return success();
  if (ready < 0) return failed("poll");
  if (stop_.load(std::memory_order_relaxed)) return Error{"given up, since the server ends"};
  return Clock::now() >= by_ ? too_long() : Error{"nothing comes any more"};
}

Error Stream::too_long() const {
  return Error{by_ < end_ ? "it took too long" : "it took too long (--transfer-time)"};
}

Status Stream::connect(const wire::Endpoint& host) {
  const wire::SocketAddress address(host);
  socket_.reset(socket(address.family(), SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (socket_.get() < 0) return failed("socket");
  if (::connect(socket_.get(), address.get(), address.length) == 0) return success();
  if (errno != EINPROGRESS) return failed("connect");
  if (Status status = wait(POLLOUT); !status) return Error{"connect: " + status.error()};
  int error = 0;
  socklen_t size = sizeof error;
  (void)getsockopt(socket_.get(), SOL_SOCKET, SO_ERROR, &error, &size);
  errno = error;
  return error == 0 ? success() : failed("connect");
}

Status Stream::send(Bytes message) {
  Message framed(2 + message.size());
  store_be(framed.data(), static_cast<std::uint16_t>(message.size()));
  std::ranges::copy(message, framed.begin() + 2);
  for (Bytes left = framed; !left.empty();) {
    const ssize_t sent = ::send(socket_.get(), left.data(), left.size(), MSG_NOSIGNAL);
    if (sent > 0) left = left.subspan(static_cast<std::size_t>(sent));
    if (sent >= 0 || errno == EINTR) continue;
    if (errno != EAGAIN) return failed("send");
    if (Status status = wait(POLLOUT); !status) return status;
  }
  return success();
}

Status Stream::read(MutableBytes into) {
  while (!into.empty()) {
    const ssize_t count = recv(socket_.get(), into.data(), into.size(), 0);
    if (count == 0) return Error{"the connection was closed before the end"};
    if (count > 0) into = into.subspan(static_cast<std::size_t>(count));
    if (count > 0 || errno == EINTR) {
      if (Clock::now() >= by_) return too_long();
      continue;
    }
    if (errno != EAGAIN) return failed("recv");
    if (Status status = wait(POLLIN); !status) return status;
  }
  return success();
}

Status Stream::receive(Message& message, Clock::time_point by) {
  by_ = std::min(end_, by);
  std::array<std::uint8_t, 2> prefix{};
  Status status = read(prefix);
  if (status) {
    message.resize(load_be<std::uint16_t>(prefix.data()));
    status = read(message);
  }
  by_ = end_;
  return status;
}

Status ask_datagram(const wire::Endpoint& host, Bytes query, const Stop& stop,
                    const std::function<bool(Bytes answer)>& take) {
  const wire::SocketAddress address(host);
  const Descriptor socket(::socket(address.family(), SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (socket.get() < 0 || connect(socket.get(), address.get(), address.length) != 0) return failed("connect");
  Message answer(dns::kMaxMessage);
  for (const int timeout : {700, 1500, 3000}) {
    if (send(socket.get(), query.data(), query.size(), 0) < 0) return failed("send");
    const Clock::time_point end = Clock::now() + milliseconds(timeout);
    while (wait_for(socket.get(), POLLIN, stop, end) > 0) {
      const ssize_t size = recv(socket.get(), answer.data(), answer.size(), 0);
      if (size < 0 && errno != EAGAIN && errno != EINTR) return failed("recv");
      if (size > 0 && take(Bytes(answer).first(static_cast<std::size_t>(size)))) return success();
    }
    if (stop.load(std::memory_order_relaxed)) break;
  }
  return Error{"no answer over UDP"};
}

}  // namespace gl::transfer
