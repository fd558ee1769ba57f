#include "lib/worker/rx_wait.h"

#include <rte_epoll.h>
#include <rte_errno.h>
#include <rte_ethdev.h>
#include <rte_interrupts.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <string>

namespace gl::worker {

Result<std::unique_ptr<RxWait>> RxWait::create(std::span<const PortQueue> ports, std::uint16_t queue) {
  const int epoll = epoll_create1(EPOLL_CLOEXEC);
  if (epoll < 0) return Error{std::string("epoll_create1: ") + std::strerror(errno)};
  std::unique_ptr<RxWait> wait(new RxWait(ports, queue, epoll));
  for (const PortQueue& port : ports) {
    int code = rte_eth_dev_rx_intr_ctl_q(port.port, queue, epoll, RTE_INTR_EVENT_ADD, nullptr);
    if (code == 0) {
      ++wait->added_;
      code = rte_eth_dev_rx_intr_enable(port.port, queue);
    }
    if (code == 0) code = rte_eth_dev_rx_intr_disable(port.port, queue);
    if (code == 0) continue;
    char name[RTE_ETH_NAME_MAX_LEN] = "";
    rte_eth_dev_get_name_by_port(port.port, name);
    return Error{std::string("--rx-interrupts: port ") + name + ", queue " + std::to_string(queue) + ": " +
                 rte_strerror(-code) + " (see drivers-config/)"};
  }
  return wait;
}

RxWait::~RxWait() {
  for (const PortQueue& port : ports_.first(added_)) {
    rte_eth_dev_rx_intr_ctl_q(port.port, queue_, epoll_, RTE_INTR_EVENT_DEL, nullptr);
  }
  close(epoll_);
}

void RxWait::arm() noexcept {
  for (const PortQueue& port : ports_) rte_eth_dev_rx_intr_enable(port.port, queue_);
}

void RxWait::disarm() noexcept {
  for (const PortQueue& port : ports_) rte_eth_dev_rx_intr_disable(port.port, queue_);
}

bool RxWait::wait(int longest_ms) noexcept {
  std::array<rte_epoll_event, kMaxPorts> events;
  return rte_epoll_wait(epoll_, events.data(), static_cast<int>(events.size()), longest_ms) > 0;
}

}  // namespace gl::worker
