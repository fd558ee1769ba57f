// What the process holds of the machine's memory.
// Units: KiB and bytes as named. Thread: any; reading allocates nothing.
#pragma once

#include <cstdint>

namespace gl::load {

struct Memory {
  // Of /proc/self/smaps_rollup, counted page by page (VmRSS is a sum of counters that lag behind on each CPU), with
  // pages of hugetlbfs. All, and those that are no file's: the pages of the program's code come and go as the kernel
  // likes.
  std::int64_t resident_kib = 0;
  std::int64_t own_kib = 0;
  // What malloc() and rte_malloc() have given out.
  std::int64_t heap_bytes = 0;
  std::int64_t dpdk_heap_bytes = 0;
};

[[nodiscard]] Memory read_memory() noexcept;

// From here on the kernel does not join pages to huge ones, which would touch what nobody has touched.
void keep_pages_small() noexcept;

}  // namespace gl::load
