// The helper's connections: which question goes over which, and what becomes of them.
#include <sys/epoll.h>

#include <utility>

#include "lib/control/tcp_helper.h"

namespace gl::control {

namespace {

using backend::TcpJob;
using Step = TcpExchange::Step;

}  // namespace

TcpHelper::Seat* TcpHelper::idle_seat(unsigned backend) noexcept {
  for (const auto& seat : seats_) {
    if (seat->idle() && seat->backend == backend) return seat.get();
  }
  return nullptr;
}

// A free seat, else that of the connection that has been idle for the longest. One backend that does not answer leaves
// half of the seats to the others.
TcpHelper::Seat* TcpHelper::room(unsigned backend) noexcept {
  const std::size_t most = settings_.backends.size() > 1 ? (seats_.size() + 1) / 2 : seats_.size();
  std::size_t busy = 0;
  Seat* best = nullptr;
  for (const auto& seat : seats_) {
    if (seat->busy()) {
      if (seat->backend == backend) ++busy;
    } else if (best == nullptr || (!best->free() && (seat->free() || seat->idle_until_ms < best->idle_until_ms))) {
      best = seat.get();
    }
  }
  if (busy >= most) return nullptr;
  if (best != nullptr) best->exchange.close();
  return best;
}

bool TcpHelper::open(Seat& seat, unsigned backend) noexcept {
  seat.backend = backend;
  if (!seat.exchange.open(settings_.backends[backend])) return false;
  epoll_event event{};
  event.data.u32 = seat.number;
  event.events = EPOLLOUT;
  if (epoll_ctl(epoll_, EPOLL_CTL_ADD, seat.exchange.descriptor(), &event) == 0) return true;
  seat.exchange.close();
  return false;
}

void TcpHelper::watch(Seat& seat, std::uint32_t events) noexcept {
  epoll_event event{};
  event.data.u32 = seat.number;
  event.events = events;
  // It cannot fail for a descriptor that is in the set; if it did, the deadline would end the question.
  epoll_ctl(epoll_, EPOLL_CTL_MOD, seat.exchange.descriptor(), &event);
}

void TcpHelper::on_ready(Seat& seat) noexcept {
  if (seat.busy()) {
    after(seat, seat.exchange.go_on());
  } else {
    seat.exchange.close();  // idle, and the backend closed it, or said what nobody asked
  }
}

void TcpHelper::after(Seat& seat, Step step) noexcept {
  if (step == Step::stale) {
    counters_.stale.add();
    seat.exchange.close();
    if (open(seat, seat.backend)) {
      step = seat.exchange.ask(*seat.task.job);  // over a new connection: it cannot be stale again
    } else {
      seat.task.job->result = TcpJob::Result::refused;
      step = Step::finished;
    }
  }
  if (step == Step::finished) {
    finish(seat);
  } else {
    watch(seat, step == Step::wants_write ? EPOLLOUT : EPOLLIN);
  }
}

void TcpHelper::finish(Seat& seat) noexcept {
  give_back(std::exchange(seat.task, {}));
  if (!seat.exchange.usable()) {
    seat.exchange.close();
    return;
  }
  seat.idle_until_ms = now_ms_ + limits_.idle_ms;
  watch(seat, EPOLLIN | EPOLLRDHUP);
}

}  // namespace gl::control
