#include "app/load/ring_pair.h"

#include <rte_errno.h>
#include <rte_eth_ring.h>
#include <rte_ethdev.h>

#include <string>
#include <vector>

namespace gl::load {

Result<RingPair> RingPair::make(unsigned length, unsigned number, unsigned queues) {
  RingPair pair;
  const std::string numbered = std::to_string(number) + "-";
  for (std::size_t i = 0; i < 2; ++i) {
    const std::string name = "pair-" + numbered + std::to_string(i);
    // One core sends into a ring and one other receives from it.
    pair.rings_[i].reset(rte_ring_create(name.c_str(), length, SOCKET_ID_ANY, RING_F_SP_ENQ | RING_F_SC_DEQ));
    if (pair.rings_[i] == nullptr) return Error{"ring of " + std::to_string(length) + ": " + rte_strerror(rte_errno)};
  }
  for (std::size_t i = 0; i < 2; ++i) {
    const std::string name = "pair_port" + numbered + std::to_string(i);
    const std::vector<rte_ring*> in(i == 0 ? 1 : queues, pair.rings_[i].get());
    const std::vector<rte_ring*> out(in.size(), pair.rings_[1 - i].get());
    const auto count = static_cast<unsigned>(in.size());
    const int id = rte_eth_from_rings(name.c_str(), in.data(), count, out.data(), count, 0);
    if (id < 0) return Error{"a port from two rings: " + std::string(rte_strerror(rte_errno))};
    pair.ports_[i] = static_cast<std::uint16_t>(id);
  }
  return pair;
}

}  // namespace gl::load
