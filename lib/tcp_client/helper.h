// The slow way to the backends, over TCP and the kernel's sockets: what came truncated over UDP, transfers, UPDATEs.
// One thread beside the main core, with an epoll set and a bounded number of connections; jobs come from the cores'
// rings, which it looks into every few milliseconds (a core makes no system call to wake it). Units: milliseconds of
// the monotonic clock. Ownership: borrows settings and sources; a job is the helper's from next() to done(). Thread:
// made, started and stopped by the main core; counters from any. Errors: start() one line, questions by TcpJob::Result.
// Sources: RFC 7766 (connections are kept for a while, a question at a time), RFC 5936, RFC 2136.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <thread>
#include <vector>

#include "lib/backend/settings.h"
#include "lib/backend/tcp_jobs.h"
#include "lib/base/result.h"
#include "lib/tcp_client/exchange.h"
#include "lib/tcp_client/helper_counters.h"

namespace gl::tcp_client {

// One core's jobs, from the helper's end.
class JobSource {
 public:
  JobSource() = default;
  JobSource(const JobSource&) = delete;
  JobSource& operator=(const JobSource&) = delete;
  virtual ~JobSource() = default;
  [[nodiscard]] virtual backend::TcpJob* next() noexcept = 0;  // null: none waits
  virtual void done(backend::TcpJob* job) noexcept = 0;
};

// Any type with these two functions, as the cores' rings are.
template <class Rings>
class JobSourceOf final : public JobSource {
 public:
  explicit JobSourceOf(Rings& rings) noexcept : rings_(rings) {}
  [[nodiscard]] backend::TcpJob* next() noexcept override { return rings_.next(); }
  void done(backend::TcpJob* job) noexcept override { rings_.done(job); }

 private:
  Rings& rings_;
};

struct TcpHelperLimits {
  std::size_t connections = 64;
  std::size_t waiting = 256;  // jobs in hand for which there is no connection yet; more stay in their rings
  std::uint32_t idle_ms = 3000;
};

class TcpHelper {
 public:
  TcpHelper(const backend::ForwardSettings& settings, std::vector<JobSource*> sources, TcpHelperLimits limits = {});
  TcpHelper(const TcpHelper&) = delete;
  TcpHelper& operator=(const TcpHelper&) = delete;
  ~TcpHelper();

  // From the main core, whose CPUs the thread then has.
  [[nodiscard]] Status start();
  // Returns when the thread has ended, within milliseconds. Jobs in hand go back as `refused`.
  void stop() noexcept;

  [[nodiscard]] const TcpHelperCounters& counters() const noexcept { return counters_; }

 private:
  struct Task {
    JobSource* source = nullptr;
    backend::TcpJob* job = nullptr;
    std::uint64_t deadline_ms = 0;
  };
  struct Connection {
    explicit Connection(TcpHelperCounters& counters) noexcept : exchange(counters) {}
    [[nodiscard]] bool free() const noexcept { return exchange.descriptor() < 0; }
    [[nodiscard]] bool busy() const noexcept { return task.job != nullptr; }
    [[nodiscard]] bool idle() const noexcept { return !free() && !busy(); }
    TcpExchange exchange;
    std::uint32_t number = 0;  // among the seats
    unsigned backend = 0;
    Task task{};
    std::uint64_t idle_until_ms = 0;
  };

  void run() noexcept;
  [[nodiscard]] int wait_ms() const noexcept;
  void on_ready(Connection& connection) noexcept;
  void take_jobs() noexcept;
  void begin_waiting() noexcept;
  void end_overdue() noexcept;
  void give_all_back() noexcept;

  [[nodiscard]] bool acceptable(const backend::TcpJob& job) const noexcept;
  // True: it is under way, or over.
  [[nodiscard]] bool begin(const Task& task) noexcept;
  [[nodiscard]] Connection* idle_seat(unsigned backend) noexcept;
  [[nodiscard]] Connection* room(unsigned backend) noexcept;
  [[nodiscard]] bool open(Connection& connection, unsigned backend) noexcept;
  void after(Connection& connection, TcpExchange::Step step) noexcept;
  void watch(Connection& connection, std::uint32_t events) noexcept;
  void finish(Connection& connection) noexcept;
  void give_back(const Task& task) noexcept;

  const backend::ForwardSettings& settings_;
  std::vector<JobSource*> sources_;
  TcpHelperLimits limits_;
  TcpHelperCounters counters_;
  std::vector<std::unique_ptr<Connection>> connections_;
  std::vector<Task> waiting_;  // oldest first; never beyond what was reserved
  int epoll_ = -1;
  std::uint64_t now_ms_ = 0;
  std::uint64_t busy_until_ms_ = 0;
  std::atomic<bool> stop_{false};
  std::thread thread_;
};

}  // namespace gl::tcp_client
