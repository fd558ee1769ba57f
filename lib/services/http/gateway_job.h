// A request on its way to an HTTP server behind us, and the response on its way back: what a core and the client of the
// main core hand to each other.
// Units: bytes. Byte order: addresses as on the wire. Ownership: a job belongs to whoever holds its pointer; all are
// made once. Thread: take() to give_back() on the core, next() and done() on the client's thread. Errors: by status:
// 502, 504.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <vector>

#include "lib/base/bytes.h"
#include "lib/base/spsc_queue.h"
#include "lib/service/stream_service.h"
#include "lib/services/http/request.h"

namespace gl::http {

struct GatewayJob {
  static constexpr std::size_t kMaxHead = 8192;  // of a response
  static constexpr std::size_t kMaxResponse = kMaxRenderedAnswer;

  // Filled in by the core.
  unsigned origin = 0;  // which server
  std::uint8_t peer_length = 0;
  std::array<std::uint8_t, 16> peer{};  // the client's address, 4 or 16 bytes
  std::uint16_t request_length = 0;
  std::array<std::uint8_t, kMaxRequest> request;  // one that parse_request() takes, as it was received

  // Filled in by the client: both together are the answer, kMaxResponse at most.
  enum class End : std::uint8_t { answered, failed, timed_out, too_long };
  End end = End::failed;
  std::uint16_t status = 0;
  std::uint32_t head_length = 0;
  std::uint32_t body_length = 0;
  std::array<char, kMaxHead> head;
  std::unique_ptr<std::uint8_t[]> body;  // kMaxResponse bytes

  [[nodiscard]] Bytes request_bytes() const noexcept { return {request.data(), request_length}; }
  [[nodiscard]] Bytes peer_bytes() const noexcept { return {peer.data(), peer_length}; }
};

// One core's jobs, and the two ways that they go.
class GatewayJobs {
 public:
  static constexpr std::size_t kJobs = 256;  // 78 KB each, of which what is not used costs no memory

  GatewayJobs() : jobs_(kJobs) {
    free_.reserve(kJobs);
    for (GatewayJob& job : jobs_) {
      job.body = std::make_unique_for_overwrite<std::uint8_t[]>(GatewayJob::kMaxResponse);
      free_.push_back(&job);
    }
  }

  // ---- The core's end.
  [[nodiscard]] GatewayJob* take() noexcept {
    if (free_.empty()) return nullptr;
    GatewayJob* const job = free_.back();
    free_.pop_back();
    return job;
  }
  [[nodiscard]] unsigned index(const GatewayJob& job) const noexcept {
    return static_cast<unsigned>(&job - jobs_.data());
  }
  void submit(GatewayJob* job) noexcept { pass(to_client_, job); }
  [[nodiscard]] GatewayJob* completed() noexcept { return pop(to_core_); }  // null: none has come back
  void give_back(GatewayJob* job) noexcept { free_.push_back(job); }

  // ---- The client's end.
  [[nodiscard]] GatewayJob* next() noexcept { return pop(to_client_); }  // null: none waits
  void done(GatewayJob* job) noexcept { pass(to_core_, job); }

 private:
  using Queue = SpscQueue<GatewayJob*, kJobs>;
  // There is room: a queue takes as many as there are jobs, and a job is in one place at a time.
  static void pass(Queue& queue, GatewayJob* job) noexcept { (void)queue.push(job); }
  static GatewayJob* pop(Queue& queue) noexcept {
    GatewayJob* job = nullptr;
    return queue.pop(job) ? job : nullptr;
  }

  std::vector<GatewayJob> jobs_;
  std::vector<GatewayJob*> free_;  // the core's; never grows beyond what was reserved
  Queue to_client_;
  Queue to_core_;
};

}  // namespace gl::http
