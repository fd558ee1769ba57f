// One connection to a backend, and the question on its way over it: at most one at a time.
// Byte order: wire in messages. Units: bytes. Ownership: owns its socket, borrows the job from ask() until `finished`.
// Thread: the helper's. Errors: TcpJob::Result. Nothing here blocks, and nothing throws.
// Sources: RFC 7766 (framing, connections that are used again), RFC 5936 2.2.1 (headers of a transfer's messages).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "lib/backend/settings.h"
#include "lib/backend/tcp_jobs.h"
#include "lib/tcp_client/helper_counters.h"
#include "lib/tcp_client/xfr_parser.h"

namespace gl::tcp_client {

// A message that changes something at the backend (UPDATE), or starts something (NOTIFY): we never send it twice.
[[nodiscard]] bool asked_once(const backend::TcpJob& job) noexcept;
// Whether it may go over a connection that is there already, and leave one behind.
[[nodiscard]] bool shares_connection(const backend::TcpJob& job) noexcept;

class TcpExchange {
 public:
  enum class Step : std::uint8_t {
    wants_write,  // go on when the socket takes bytes
    wants_read,   // go on when it has some
    finished,     // the job has its result
    stale,        // the backend had closed this connection before the question came: ask again over another
  };

  explicit TcpExchange(TcpHelperCounters& counters) noexcept : counters_(counters) {}
  TcpExchange(const TcpExchange&) = delete;
  TcpExchange& operator=(const TcpExchange&) = delete;
  ~TcpExchange() { close(); }

  // Begins a connection. False: the kernel has none for us.
  [[nodiscard]] bool open(const backend::BackendSettings& backend) noexcept;
  // Writes the job's question, now or as soon as there is a connection.
  [[nodiscard]] Step ask(backend::TcpJob& job) noexcept;
  // After the socket became ready.
  [[nodiscard]] Step go_on() noexcept;
  void close() noexcept;

  [[nodiscard]] int descriptor() const noexcept { return socket_; }
  // After `finished`: the next question may go over it.
  [[nodiscard]] bool usable() const noexcept { return usable_; }

 private:
  enum class State : std::uint8_t { connecting, writing, reading };

  [[nodiscard]] Step finish_connect() noexcept;
  [[nodiscard]] Step write() noexcept;
  [[nodiscard]] Step read() noexcept;
  [[nodiscard]] Step take_messages() noexcept;
  [[nodiscard]] Step take_message(std::size_t length) noexcept;
  [[nodiscard]] Step finish(backend::TcpJob::Result result) noexcept;
  [[nodiscard]] Step ended_early() noexcept;

  TcpHelperCounters& counters_;
  int socket_ = -1;
  State state_ = State::connecting;
  bool used_ = false;    // it has answered a question before this one
  bool usable_ = false;  // nothing is open on it
  backend::TcpJob* job_ = nullptr;
  XfrParser transfer_;
  std::size_t out_length_ = 0;
  std::size_t written_ = 0;
  std::size_t received_ = 0;  // bytes in the job's reply
  std::size_t taken_ = 0;     // of them, in whole messages that were looked at
  std::array<std::uint8_t, 2 + backend::TcpJob::kMaxQuery> out_;
};

}  // namespace gl::tcp_client
