// A name server on loopback that does what a test tells it, connection by connection, and a core's end of the jobs.
// Thread: one thread a connection; what the tests read of it is atomic. Errors: a broken socket ends the connection.
#pragma once

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "lib/backend/settings.h"
#include "lib/base/endian.h"
#include "lib/tcp_client/helper.h"

namespace gl::test {

using Message = std::vector<std::uint8_t>;

inline int listen_on_loopback(std::uint16_t& port) {
  const int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in at{};
  at.sin_family = AF_INET;
  at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  bind(listener, reinterpret_cast<sockaddr*>(&at), sizeof at);
  listen(listener, 64);
  socklen_t length = sizeof at;
  getsockname(listener, reinterpret_cast<sockaddr*>(&at), &length);
  port = ntohs(at.sin_port);
  return listener;
}

// What a script sees of its connection.
class Connection {
 public:
  Connection(int socket, unsigned number) : socket_(socket), number_(number) {}
  [[nodiscard]] unsigned number() const { return number_; }  // the first one is 0

  // False: the client ended the connection first.
  bool read(std::uint8_t* to, std::size_t count) const {
    while (count > 0) {
      const ssize_t got = recv(socket_, to, count, 0);
      if (got <= 0) return false;
      to += got;
      count -= static_cast<std::size_t>(got);
    }
    return true;
  }
  bool read_message(Message& message) const {
    std::array<std::uint8_t, 2> prefix;
    if (!read(prefix.data(), prefix.size())) return false;
    message.resize(load_be<std::uint16_t>(prefix.data()));
    return read(message.data(), message.size());
  }
  void write(const Message& bytes) const {
    std::size_t at = 0;
    while (at < bytes.size()) {
      const ssize_t sent = send(socket_, bytes.data() + at, bytes.size() - at, MSG_NOSIGNAL);
      if (sent <= 0) return;
      at += static_cast<std::size_t>(sent);
    }
  }
  void write_message(const Message& message) const { write(framed(message)); }
  // Returns when the client has ended the connection, or the server stops.
  void wait_for_end() const {
    std::uint8_t byte;
    while (read(&byte, 1)) {
    }
  }
  static Message framed(const Message& message) {
    Message all(2 + message.size());
    store_be<std::uint16_t>(all.data(), static_cast<std::uint16_t>(message.size()));
    std::copy(message.begin(), message.end(), all.begin() + 2);
    return all;
  }

 private:
  int socket_;
  unsigned number_;
};

class TestServer {
 public:
  using Script = std::function<void(const Connection&)>;

  explicit TestServer(Script script) : script_(std::move(script)), listener_(listen_on_loopback(port_)) {
    acceptor_ = std::thread([this] { accept_all(); });
  }
  TestServer(const TestServer&) = delete;
  TestServer& operator=(const TestServer&) = delete;
  ~TestServer() {
    shutdown(listener_, SHUT_RDWR);
    acceptor_.join();
    for (const int socket : sockets_) shutdown(socket, SHUT_RDWR);
    for (std::thread& thread : threads_) thread.join();
    for (const int socket : sockets_) close(socket);
    close(listener_);
  }

  [[nodiscard]] backend::BackendSettings settings() const {
    backend::BackendSettings backend;
    backend.address = wire::Ipv4Address{{192, 0, 2, 1}};  // where the cores would find it: not asked here
    backend.tcp_address = wire::Ipv4Address{{127, 0, 0, 1}};
    backend.tcp_port = port_;
    return backend;
  }
  [[nodiscard]] unsigned connections() const { return connections_.load(); }

 private:
  void accept_all() {
    for (;;) {
      const int socket = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
      if (socket < 0) return;
      const unsigned number = connections_.fetch_add(1);
      sockets_.push_back(dup(socket));  // so that the number is not another's when the test ends
      threads_.emplace_back([this, socket, number] {
        script_(Connection(socket, number));
        shutdown(socket, SHUT_RDWR);
        close(socket);
      });
    }
  }

  Script script_;
  std::uint16_t port_ = 0;
  int listener_;
  std::atomic<unsigned> connections_{0};
  std::vector<int> sockets_;
  std::vector<std::thread> threads_;
  std::thread acceptor_;
};

// Jobs of one core, without rings.
class TestJobs final : public tcp_client::JobSource {
 public:
  backend::TcpJob& add(const Message& query, std::uint32_t timeout_ms = 2000) {
    const std::lock_guard lock(mutex_);
    auto job = std::make_unique<backend::TcpJob>();
    job->reply = std::make_unique<std::uint8_t[]>(backend::TcpJob::kMaxReply);
    job->timeout_ms = timeout_ms;
    job->query_length = static_cast<std::uint16_t>(query.size());
    std::copy(query.begin(), query.end(), job->query.begin());
    jobs_.push_back(std::move(job));
    return *jobs_.back();
  }
  void submit(backend::TcpJob& job) {
    const std::lock_guard lock(mutex_);
    queue_.push_back(&job);
  }
  [[nodiscard]] backend::TcpJob* next() noexcept override {
    const std::lock_guard lock(mutex_);
    if (queue_.empty()) return nullptr;
    backend::TcpJob* const job = queue_.front();
    queue_.pop_front();
    return job;
  }
  void done(backend::TcpJob* job) noexcept override {
    const std::lock_guard lock(mutex_);
    done_.push_back(job);
    changed_.notify_all();
  }
  // False: they did not come back.
  [[nodiscard]] bool wait_for(std::size_t count) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, std::chrono::seconds(10), [&] { return done_.size() >= count; });
  }
  [[nodiscard]] std::size_t completed() {
    const std::lock_guard lock(mutex_);
    return done_.size();
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::unique_ptr<backend::TcpJob>> jobs_;
  std::deque<backend::TcpJob*> queue_;
  std::vector<backend::TcpJob*> done_;
};

}  // namespace gl::test
