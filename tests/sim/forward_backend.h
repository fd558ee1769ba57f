// The name servers behind a simulated node, and its ways to them: datagrams and the jobs of a TCP helper are taken
// without asking for memory, answered in virtual time, and come back as events.
// Units: milliseconds. Ownership: borrows the world and the history, owns the jobs. Thread: one. The seed decides.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "lib/backend/backend_tx.h"
#include "lib/backend/tcp_jobs.h"
#include "tests/sim/forward_world.h"

namespace gl::sim {

// Something that reaches the node: a datagram, or a job that is done.
struct BackendEvent {
  std::uint64_t at_ms = 0;
  std::uint64_t order = 0;
  backend::TcpJob* job = nullptr;
  wire::IpAddress source{};
  std::uint16_t source_port = 53;
  std::uint16_t our_port = 0;
  ByteString payload{};
  backend::TcpJob::Result result = backend::TcpJob::Result::answered;
  std::string what{};  // for the trace
  friend bool operator>(const BackendEvent& a, const BackendEvent& b) {
    return a.at_ms != b.at_ms ? a.at_ms > b.at_ms : a.order > b.order;
  }
};

class SimBackends final : public backend::BackendTx, public backend::TcpJobs {
 public:
  SimBackends(const ForwardWorld& world, History& history, std::uint64_t seed);

  // What the node has sent since the last call is on its way now.
  void collect(std::uint64_t now_ms);
  [[nodiscard]] std::optional<std::uint64_t> next_at() const;
  [[nodiscard]] BackendEvent next_event();
  // A job is done: the node finds it at its next tick.
  void complete(const BackendEvent& event);
  // The node starts anew: its jobs are gone.
  void forget_jobs();
  // From now on all of them answer at once and well.
  void behave();
  [[nodiscard]] bool all_jobs_free() const { return free_.size() == jobs_.size(); }
  // How often a topic was asked for, over UDP and TCP together.
  [[nodiscard]] unsigned asked(std::size_t topic) const { return asked_[topic]; }
  // For the trace: what was asked and answered since the last call.
  [[nodiscard]] std::vector<std::string> news() { return std::exchange(news_, {}); }

  // Link.
  [[nodiscard]] bool reachable(unsigned) const noexcept override { return true; }
  [[nodiscard]] std::uint16_t source_port(unsigned, std::uint32_t random) const noexcept override {
    return static_cast<std::uint16_t>(10000 + random % 50000);
  }
  [[nodiscard]] MutableBytes begin(unsigned backend) noexcept override;
  void send(std::uint16_t source_port, std::size_t length) noexcept override;
  // TcpJobs.
  [[nodiscard]] backend::TcpJob* take() noexcept override;
  void submit(backend::TcpJob* job) noexcept override { submitted_[submitted_count_++] = job; }
  [[nodiscard]] backend::TcpJob* completed() noexcept override;
  void give_back(backend::TcpJob* job) noexcept override { free_.push_back(job); }

 private:
  struct Datagram {
    unsigned backend = 0;
    std::uint16_t source_port = 0;
    std::size_t length = 0;
    std::array<std::uint8_t, 1400> bytes;
  };
  static constexpr std::size_t kMostJobs = 64;

  void answer_datagram(std::uint64_t now_ms, const Datagram& datagram);
  void answer_job(std::uint64_t now_ms, backend::TcpJob* job);
  void forge(std::uint64_t at_ms, const BackendEvent& right);
  void put(BackendEvent event);
  [[nodiscard]] std::uint64_t delay();
  [[nodiscard]] Said say(std::uint64_t at_ms, std::size_t topic);
  void note(const std::string& what) { news_.push_back(what); }

  const ForwardWorld& world_;
  History& history_;
  Random random_;
  BackendBehaviour behaviour_;
  std::vector<unsigned> asked_;
  std::vector<BackendEvent> queue_;  // a heap, the next one in front
  std::uint64_t order_ = 0;
  std::vector<std::string> news_;

  std::vector<Datagram> sent_;  // room for them, of which sent_count_ are used
  std::size_t sent_count_ = 0;
  std::vector<std::unique_ptr<backend::TcpJob>> jobs_;
  std::vector<backend::TcpJob*> free_;
  std::vector<backend::TcpJob*> done_;
  std::array<backend::TcpJob*, kMostJobs> submitted_{};
  std::size_t submitted_count_ = 0;
};

}  // namespace gl::sim
