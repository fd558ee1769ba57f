// Questions that have to go over TCP: handed to the helper thread of the main core, and taken back answered.
// Byte order: wire in messages. Ownership: a job belongs to whoever holds its pointer; all are made once and never
// freed while a core runs. Thread: TcpJobs is one core's end, that core only. Errors: by TcpJob::Result.
#pragma once

#include <array>
#include <cstdint>
#include <memory>

namespace gl::backend {

struct TcpJob {
  enum class Result : std::uint8_t {
    answered,
    refused,  // no connection, or it ended before the reply did
    timed_out,
    malformed,  // not the answer to this question
    too_long,   // a transfer beyond what one reply may hold
  };
  static constexpr std::size_t kMaxQuery = 4096;
  static constexpr std::size_t kMaxReply = 2 + 65535;

  // Filled in by the core.
  unsigned backend = 0;
  std::uint32_t token = 0;       // the core's own
  std::uint32_t timeout_ms = 0;  // from when the helper takes it, which is within milliseconds of submit()
  bool transfer = false;         // AXFR or IXFR: read messages until the transfer ends (RFC 5936)
  // A DNS message, ID included, without length prefix. In front of it `preamble_length` bytes that the connection
  // begins with (a PROXYv2 header, counted in `query_length`): such a connection is no other client's.
  std::uint8_t preamble_length = 0;
  std::uint16_t query_length = 0;
  std::array<std::uint8_t, kMaxQuery> query;

  // Filled in by the helper. The reply is what came: DNS messages, each behind its two-byte length. Their ID and
  // question have been compared with the query's.
  Result result = Result::refused;
  // The kernel's end of the connection that the query went over; length 0: it went nowhere.
  std::uint8_t local_length = 0;  // 4 or 16
  std::uint16_t local_port = 0;   // host order
  std::array<std::uint8_t, 16> local;
  std::uint32_t reply_length = 0;
  std::unique_ptr<std::uint8_t[]> reply;  // kMaxReply bytes
};

class TcpJobs {
 public:
  TcpJobs() = default;
  TcpJobs(const TcpJobs&) = delete;
  TcpJobs& operator=(const TcpJobs&) = delete;
  virtual ~TcpJobs() = default;

  // A free job, or null: all are under way.
  [[nodiscard]] virtual TcpJob* take() noexcept = 0;
  virtual void submit(TcpJob* job) noexcept = 0;
  // One that has come back, or null; it is to be given back after its reply was read.
  [[nodiscard]] virtual TcpJob* completed() noexcept = 0;
  virtual void give_back(TcpJob* job) noexcept = 0;
};

}  // namespace gl::backend
