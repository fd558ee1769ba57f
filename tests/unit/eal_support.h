// The EAL for unit tests, once a process: ordinary memory, no devices but a port of rings and the null port.
// Ownership: ends with the process. Thread: the test's, which is the EAL's main core.
#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <string>

#include "lib/dpdk/eal.h"
#include "lib/dpdk/mbuf_pool.h"
#include "tests/unit/frame_builder.h"

namespace gl::test {

inline void start_eal() {
  static const auto eal = dpdk::Eal::init({"unit", "--no-huge", "-m", "128", "--no-pci", "--no-telemetry",
                                           "--no-shconf", "--log-level=error", "--lcores=0@0", "--vdev=net_ring0",
                                           "--vdev=net_null0", "--file-prefix=unit" + std::to_string(getpid())});
  ASSERT_TRUE(eal.ok()) << eal.error();
}

inline dpdk::MbufPool make_pool(unsigned count, std::uint16_t frame_length = 1518) {
  static unsigned number = 0;
  auto pool = dpdk::MbufPool::create("unit_" + std::to_string(number++), {count, frame_length, -1});
  EXPECT_TRUE(pool.ok()) << pool.error();
  return std::move(*pool);
}

inline rte_mbuf* mbuf_of(const dpdk::MbufPool& pool, const Buffer& bytes) {
  rte_mbuf* const mbuf = rte_pktmbuf_alloc(pool.get());
  std::copy(bytes.begin(), bytes.end(),
            reinterpret_cast<std::uint8_t*>(rte_pktmbuf_append(mbuf, static_cast<std::uint16_t>(bytes.size()))));
  return mbuf;
}

inline Buffer bytes_of(const rte_mbuf* mbuf) {
  Buffer bytes;
  for (; mbuf != nullptr; mbuf = mbuf->next) {
    const auto* const data = rte_pktmbuf_mtod(mbuf, const std::uint8_t*);
    bytes.insert(bytes.end(), data, data + mbuf->data_len);
  }
  return bytes;
}

// Buffers of the pool that somebody has.
inline unsigned in_use(const dpdk::MbufPool& pool) {
  return rte_mempool_in_use_count(pool.get());
}

}  // namespace gl::test
