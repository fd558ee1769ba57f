// Two ports with a cable between them, or one with a loop: what is sent into the one comes out of the other.
// Ownership: the ports and their buffers. Thread: main core, which polls every queue. Errors: one line.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "app/check_nic/frames.h"
#include "lib/base/result.h"
#include "lib/dpdk/burst.h"
#include "lib/dpdk/mbuf_pool.h"
#include "lib/dpdk/port.h"

namespace gl::check_nic {

// A frame of ours that came.
struct Arrival {
  Seen seen;
  std::uint16_t queue = 0;
  std::uint64_t flags = 0;  // as the port said
};

class Cable {
 public:
  struct Settings {
    std::uint16_t from = 0;
    std::uint16_t to = 0;      // the same: a loop
    std::uint16_t queues = 1;  // of both ports: some kinds want them to have as many
    std::uint16_t mtu = 0;
    std::vector<wire::MacAddress> groups;  // that the receiving port lets in
  };
  [[nodiscard]] static Result<std::unique_ptr<Cable>> open(const Settings& settings);
  Cable(const Cable&) = delete;
  Cable& operator=(const Cable&) = delete;
  ~Cable() = default;

  [[nodiscard]] const dpdk::Port& from() const noexcept { return ports_.front(); }
  [[nodiscard]] const dpdk::Port& to() const noexcept { return ports_.back(); }
  [[nodiscard]] Ends ends() const noexcept { return {from().mac(), to().mac()}; }
  // True as soon as both ends say so.
  [[nodiscard]] bool wait_for_link(unsigned seconds) const;

  // Sends frames numbered 0 to count - 1 and waits for them, a second after the last one at most.
  [[nodiscard]] std::vector<Arrival> exchange(const Ends& ends, const Shape& shape, std::uint32_t count);

  struct Rate {
    double seconds = 0;
    std::uint64_t sent = 0;
    std::uint64_t received = 0;
  };
  // As many as this one core can send and receive.
  [[nodiscard]] Rate flood(const Shape& shape, unsigned seconds);

 private:
  explicit Cable(dpdk::MbufPool pool) : pool_(std::move(pool)) {}
  void drain();
  unsigned receive(const std::function<void(rte_mbuf*, std::uint16_t)>& take);

  dpdk::MbufPool pool_;
  std::vector<dpdk::Port> ports_;
  dpdk::TxBurst out_;
};

}  // namespace gl::check_nic
