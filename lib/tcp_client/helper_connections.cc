// The helper's connections: which question goes over which, and what becomes of them.
#include <sys/epoll.h>

#include <utility>

#include "lib/tcp_client/helper.h"

namespace gl::tcp_client {

namespace {

using backend::TcpJob;
using Step = TcpExchange::Step;

}  // namespace

TcpHelper::Connection* TcpHelper::idle_seat(unsigned backend) noexcept {
  for (const auto& connection : connections_) {
    if (connection->idle() && connection->backend == backend) return connection.get();
  }
  return nullptr;
}

// A free seat, else that of the connection that has been idle for the longest. One backend that does not answer leaves
// half of the seats to the others.
TcpHelper::Connection* TcpHelper::room(unsigned backend) noexcept {
  const std::size_t most = settings_.backends.size() > 1 ? (connections_.size() + 1) / 2 : connections_.size();
  std::size_t busy = 0;
  Connection* best = nullptr;
  for (const auto& connection : connections_) {
    if (connection->busy()) {
      if (connection->backend == backend) ++busy;
    } else if (best == nullptr ||
               (!best->free() && (connection->free() || connection->idle_until_ms < best->idle_until_ms))) {
      best = connection.get();
    }
  }
  if (busy >= most) return nullptr;
  if (best != nullptr) best->exchange.close();
  return best;
}

bool TcpHelper::open(Connection& connection, unsigned backend) noexcept {
  connection.backend = backend;
  if (!connection.exchange.open(settings_.backends[backend])) return false;
  epoll_event event{};
  event.data.u32 = connection.number;
  event.events = EPOLLOUT;
  if (epoll_ctl(epoll_, EPOLL_CTL_ADD, connection.exchange.descriptor(), &event) == 0) return true;
  connection.exchange.close();
  return false;
}

void TcpHelper::watch(Connection& connection, std::uint32_t events) noexcept {
  epoll_event event{};
  event.data.u32 = connection.number;
  event.events = events;
  // It cannot fail for a descriptor that is in the set; if it did, the deadline would end the question.
  epoll_ctl(epoll_, EPOLL_CTL_MOD, connection.exchange.descriptor(), &event);
}

void TcpHelper::on_ready(Connection& connection) noexcept {
  if (connection.busy()) {
    after(connection, connection.exchange.go_on());
  } else {
    connection.exchange.close();  // idle, and the backend closed it, or said what nobody asked
  }
}

void TcpHelper::after(Connection& connection, Step step) noexcept {
  if (step == Step::stale) {
    counters_.stale.add();
    connection.exchange.close();
    if (open(connection, connection.backend)) {
      step = connection.exchange.ask(*connection.task.job);  // over a new connection: it cannot be stale again
    } else {
      connection.task.job->result = TcpJob::Result::refused;
      step = Step::finished;
    }
  }
  if (step == Step::finished) {
    finish(connection);
  } else {
    watch(connection, step == Step::wants_write ? EPOLLOUT : EPOLLIN);
  }
}

void TcpHelper::finish(Connection& connection) noexcept {
  give_back(std::exchange(connection.task, {}));
  if (!connection.exchange.usable()) {
    connection.exchange.close();
    return;
  }
  connection.idle_until_ms = now_ms_ + limits_.idle_ms;
  watch(connection, EPOLLIN | EPOLLRDHUP);
}

}  // namespace gl::tcp_client
