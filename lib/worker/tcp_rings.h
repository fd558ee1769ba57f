// One core's questions on their way to the TCP helper and back: a fixed set of jobs and two rings.
// Ownership: owns the jobs; the pointer to one goes round core, helper, core. Thread: made and freed by the main core
// while neither end runs. TcpJobs: the worker's core. next() and done(): the helper's thread, and no other. Errors:
// none: a ring has room for every job there is.
#pragma once

#include <cstddef>
#include <vector>

#include "lib/backend/tcp_jobs.h"
#include "lib/dpdk/spsc_ring.h"

namespace gl::worker {

class TcpRings final : public backend::TcpJobs {
 public:
  static constexpr unsigned kJobs = 32;  // 70 KB each

  explicit TcpRings(unsigned jobs = kJobs) : jobs_(jobs), to_helper_(jobs), to_core_(jobs) {
    free_.reserve(jobs);
    for (backend::TcpJob& job : jobs_) {
      job.reply = std::make_unique<std::uint8_t[]>(backend::TcpJob::kMaxReply);
      free_.push_back(&job);
    }
  }

  // ---- The core's end.
  [[nodiscard]] backend::TcpJob* take() noexcept override {
    if (free_.empty()) return nullptr;
    backend::TcpJob* const job = free_.back();
    free_.pop_back();
    return job;
  }
  void submit(backend::TcpJob* job) noexcept override { pass(to_helper_, job); }
  [[nodiscard]] backend::TcpJob* completed() noexcept override { return to_core_.pop(); }
  void give_back(backend::TcpJob* job) noexcept override { free_.push_back(job); }

  // ---- The helper's end.
  // A job to do, or null. It is the helper's until done().
  [[nodiscard]] backend::TcpJob* next() noexcept { return to_helper_.pop(); }
  // `result` is set, and with `answered` the reply.
  void done(backend::TcpJob* job) noexcept { pass(to_core_, job); }

 private:
  // There is room: a ring takes as many as there are jobs, and a job is in one place at a time.
  static void pass(dpdk::SpscRing<backend::TcpJob>& ring, backend::TcpJob* job) noexcept {
    [[maybe_unused]] const bool room = ring.push(job);
  }

  std::vector<backend::TcpJob> jobs_;
  std::vector<backend::TcpJob*> free_;  // the core's; never grows beyond what was reserved
  dpdk::SpscRing<backend::TcpJob> to_helper_;
  dpdk::SpscRing<backend::TcpJob> to_core_;
};

}  // namespace gl::worker
