// Two ports joined by two rings: what one sends the other receives. No NIC, no kernel, no hugepages needed.
// Both have the MAC address 00:00:00:00:00:00, which the driver does not let be changed.
// Ownership: the rings are freed when the pair is, after both ports were closed. Thread: made on the main core; each
// port is then one core's. Errors: one line.
#pragma once

#include <rte_ring.h>

#include <array>
#include <cstdint>
#include <memory>

#include "lib/base/result.h"

namespace gl::load {

class RingPair {
 public:
  // `length`: frames that wait in each direction at most, a power of two. `number`: tells pairs apart. The second port
  // has `queues` queue pairs (at most 16), all on the same two rings: its user takes the one whose number it has.
  [[nodiscard]] static Result<RingPair> make(unsigned length, unsigned number = 0, unsigned queues = 1);
  [[nodiscard]] const std::array<std::uint16_t, 2>& ports() const noexcept { return ports_; }

 private:
  struct Free {
    void operator()(rte_ring* ring) const noexcept { rte_ring_free(ring); }
  };
  std::array<std::unique_ptr<rte_ring, Free>, 2> rings_;
  std::array<std::uint16_t, 2> ports_{};
};

}  // namespace gl::load
