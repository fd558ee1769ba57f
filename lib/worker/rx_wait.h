// Lets an idle worker sleep until one of its receive queues has a frame (DPDK: receive interrupts), or some
// milliseconds have passed. Units: milliseconds. Ownership: an epoll descriptor, and the queues' places in it. Thread:
// made and freed on the main core after the ports were started; used by one worker. Errors: one line that names the
// port which has no such interrupts.
#pragma once

#include <cstdint>
#include <memory>
#include <span>

#include "lib/base/result.h"
#include "lib/worker/context.h"

namespace gl::worker {

class RxWait {
 public:
  [[nodiscard]] static Result<std::unique_ptr<RxWait>> create(std::span<const PortQueue> ports, std::uint16_t queue);
  RxWait(const RxWait&) = delete;
  RxWait& operator=(const RxWait&) = delete;
  ~RxWait();

  // From here on a frame makes an interrupt. What came before does not: the ports are to be looked at once more.
  void arm() noexcept;
  void disarm() noexcept;
  // Between the two; whether a frame ended it.
  bool wait(int longest_ms) noexcept;

 private:
  RxWait(std::span<const PortQueue> ports, std::uint16_t queue, int epoll)
      : ports_(ports), queue_(queue), epoll_(epoll) {}

  std::span<const PortQueue> ports_;
  std::uint16_t queue_;
  int epoll_;
  std::size_t added_ = 0;  // ports whose queue is in the epoll set
};

}  // namespace gl::worker
