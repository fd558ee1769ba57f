// The client of the HTTP servers behind: a thread beside the main core that takes the cores' jobs and asks by libcurl,
// over connections that are kept. It looks into the cores' queues every few milliseconds, because a core makes no
// system call to wake it. Units: milliseconds. Ownership: shares the jobs with the cores; a job is the client's from
// next() to done(). Thread: made, started and stopped by the main core. Errors: start() one line; requests by
// GatewayJob::end.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "lib/base/result.h"
#include "lib/services/http/gateway_job.h"

namespace gl::http {

struct OriginSettings {
  std::vector<std::string> origins;  // each as an authority: "192.0.2.1:8080", "[2001:db8::1]:80"
  std::uint32_t timeout_ms = 10000;  // from when a job is taken to the end of the response
  std::uint32_t connections = 64;    // at once, to all of them; where there are several, half of them to each
  bool keep_alive = true;            // false: a connection for each request, as the column's server has
};

class OriginClient {
 public:
  explicit OriginClient(OriginSettings settings);
  OriginClient(const OriginClient&) = delete;
  OriginClient& operator=(const OriginClient&) = delete;
  ~OriginClient();  // returns when the thread has ended, within milliseconds; jobs in hand are not given back

  // From the main core, whose CPUs the thread then has.
  [[nodiscard]] Status start();
  // One core's jobs.
  void add(std::shared_ptr<GatewayJobs> jobs);

 private:
  class Transfer;
  struct Multi;

  // Sockets of connections, which libcurl opens and closes through here.
  static int open_socket(void* self, int purpose, void* address);
  static int close_socket(void* self, int socket);
  // Whether the connection that ends at this port of ours holds bytes that nobody has asked for.
  [[nodiscard]] bool has_stray_bytes(int local_port) const noexcept;

  [[nodiscard]] Status open_multi();
  void run();
  void close_idle();
  [[nodiscard]] bool take_jobs();
  void begin(GatewayJobs& jobs, GatewayJob& job);
  void take_ended();
  void end(Transfer& transfer, int code);

  const OriginSettings settings_;
  std::mutex mutex_;
  std::vector<std::shared_ptr<GatewayJobs>> cores_;   // under mutex_
  std::vector<std::unique_ptr<Transfer>> transfers_;  // the thread's, as all that follows
  std::vector<Transfer*> free_;
  std::unique_ptr<Multi> multi_;
  std::size_t under_way_ = 0;
  std::vector<int> sockets_;
  std::uint64_t idle_since_ms_ = 0;
  std::atomic<bool> stop_{false};
  std::thread thread_;
};

}  // namespace gl::http
