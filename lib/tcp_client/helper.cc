#include "lib/tcp_client/helper.h"

#include <pthread.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <string>
#include <system_error>
#include <utility>

#include "lib/base/clock.h"
#include "lib/dns/types.h"

namespace gl::tcp_client {

namespace {

using backend::TcpJob;

constexpr int kAwakeMs = 1;   // between looks into the rings, for a second after something happened
constexpr int kAsleepMs = 5;  // later
constexpr std::uint64_t kCalmMs = 1000;
constexpr std::size_t kEvents = 64;

}  // namespace

TcpHelper::TcpHelper(const backend::ForwardSettings& settings, std::vector<JobSource*> sources, TcpHelperLimits limits)
    : settings_(settings), sources_(std::move(sources)), limits_(limits) {
  waiting_.reserve(limits.waiting);
  for (std::uint32_t i = 0; i < limits.connections; ++i) {
    connections_.push_back(std::make_unique<Connection>(counters_));
    connections_.back()->number = i;
  }
}

TcpHelper::~TcpHelper() {
  stop();
}

Status TcpHelper::start() {
  epoll_ = epoll_create1(EPOLL_CLOEXEC);
  if (epoll_ < 0) return Error{std::string("epoll_create1: ") + std::strerror(errno)};
  stop_.store(false, std::memory_order_relaxed);
  try {
    thread_ = std::thread([this] { run(); });
  } catch (const std::system_error& error) {
    close(std::exchange(epoll_, -1));
    return Error{std::string("cannot start the TCP helper's thread: ") + error.what()};
  }
  pthread_setname_np(thread_.native_handle(), "tcp-helper");
  return success();
}

void TcpHelper::stop() noexcept {
  if (!thread_.joinable()) return;
  stop_.store(true, std::memory_order_relaxed);
  thread_.join();
  close(std::exchange(epoll_, -1));
}

void TcpHelper::run() noexcept {
  std::array<epoll_event, kEvents> events;
  while (!stop_.load(std::memory_order_relaxed)) {
    const int count = epoll_wait(epoll_, events.data(), static_cast<int>(events.size()), wait_ms());
    now_ms_ = monotonic_ms();
    for (int i = 0; i < count; ++i) on_ready(*connections_[events[static_cast<std::size_t>(i)].data.u32]);
    if (count > 0) busy_until_ms_ = now_ms_ + kCalmMs;
    take_jobs();
    end_overdue();
    begin_waiting();
  }
  give_all_back();
}

int TcpHelper::wait_ms() const noexcept {
  return now_ms_ < busy_until_ms_ ? kAwakeMs : kAsleepMs;
}

void TcpHelper::take_jobs() noexcept {
  for (JobSource* const source : sources_) {
    while (waiting_.size() < limits_.waiting) {
      TcpJob* const job = source->next();
      if (job == nullptr) break;
      counters_.jobs.add();
      busy_until_ms_ = now_ms_ + kCalmMs;
      const Task task{source, job, now_ms_ + job->timeout_ms};
      job->reply_length = 0;
      job->local_length = 0;
      if (acceptable(*job)) {
        waiting_.push_back(task);
      } else {
        job->result = TcpJob::Result::refused;
        give_back(task);
      }
    }
  }
}

bool TcpHelper::acceptable(const TcpJob& job) const noexcept {
  return job.backend < settings_.backends.size() && settings_.backends[job.backend].tcp &&
         job.query_length <= TcpJob::kMaxQuery && job.query_length >= job.preamble_length + dns::kHeaderSize;
}

// In the order in which they came, but one whose backend is busy keeps nobody waiting who asks another.
void TcpHelper::begin_waiting() noexcept {
  std::erase_if(waiting_, [this](const Task& task) { return begin(task); });
}

bool TcpHelper::begin(const Task& task) noexcept {
  const unsigned backend = task.job->backend;
  Connection* connection = shares_connection(*task.job) ? idle_seat(backend) : nullptr;
  if (connection == nullptr) {
    connection = room(backend);
    if (connection == nullptr) return false;
    if (!open(*connection, backend)) {
      task.job->result = TcpJob::Result::refused;
      give_back(task);
      return true;
    }
  }
  connection->task = task;
  after(*connection, connection->exchange.ask(*task.job));
  return true;
}

void TcpHelper::give_back(const Task& task) noexcept {
  switch (task.job->result) {
    case TcpJob::Result::answered:
      counters_.answered.add();
      break;
    case TcpJob::Result::refused:
      counters_.refused.add();
      break;
    case TcpJob::Result::timed_out:
      counters_.timed_out.add();
      break;
    case TcpJob::Result::malformed:
      counters_.malformed.add();
      break;
    case TcpJob::Result::too_long:
      counters_.too_long.add();
      break;
  }
  task.source->done(task.job);
}

// Questions whose time is over, with their connections; connections that have been idle for long.
void TcpHelper::end_overdue() noexcept {
  std::erase_if(waiting_, [this](const Task& task) {
    if (now_ms_ < task.deadline_ms) return false;
    task.job->result = TcpJob::Result::timed_out;
    give_back(task);
    return true;
  });
  for (const auto& connection : connections_) {
    if (connection->busy() && now_ms_ >= connection->task.deadline_ms) {
      connection->exchange.close();  // its answer may still come: nobody else may take it for theirs
      connection->task.job->result = TcpJob::Result::timed_out;
      give_back(std::exchange(connection->task, {}));
    } else if (connection->idle() && now_ms_ >= connection->idle_until_ms) {
      connection->exchange.close();
      counters_.closed_idle.add();
    }
  }
}

void TcpHelper::give_all_back() noexcept {
  for (const Task& task : waiting_) {
    task.job->result = TcpJob::Result::refused;
    give_back(task);
  }
  waiting_.clear();
  for (const auto& connection : connections_) {
    if (connection->busy()) {
      connection->task.job->result = TcpJob::Result::refused;
      give_back(std::exchange(connection->task, {}));
    }
    connection->exchange.close();
  }
}

}  // namespace gl::tcp_client
