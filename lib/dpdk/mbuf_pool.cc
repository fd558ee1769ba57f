#include "lib/dpdk/mbuf_pool.h"

#include <rte_errno.h>

#include <algorithm>

namespace gl::dpdk {

Result<MbufPool> MbufPool::create(const std::string& name, const Settings& settings) {
  constexpr unsigned kCache = 256;
  constexpr unsigned kXdpHeadroom = 256;  // AF_XDP: the kernel keeps so much of each buffer (XDP_PACKET_HEADROOM)
  const unsigned room =
      std::max<unsigned>(RTE_MBUF_DEFAULT_BUF_SIZE, settings.frame_length + RTE_PKTMBUF_HEADROOM + kXdpHeadroom);
  if (room > UINT16_MAX)
    return Error{name + ": frames of " + std::to_string(settings.frame_length) + " bytes are too long"};
  rte_mempool* const pool = rte_pktmbuf_pool_create(name.c_str(), settings.count, kCache, 0,
                                                    static_cast<std::uint16_t>(room), settings.socket);
  if (pool == nullptr) {
    return Error{name + ": no memory for " + std::to_string(settings.count) + " buffers of " + std::to_string(room) +
                 " bytes: " + rte_strerror(rte_errno) + " (more hugepages, or a larger EAL -m)"};
  }
  return MbufPool(pool);
}

}  // namespace gl::dpdk
