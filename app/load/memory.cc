#include "app/load/memory.h"

#include <fcntl.h>
#include <malloc.h>
#include <rte_malloc.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <string_view>

namespace gl::load {
namespace {

// "Name:   123 kB", or 0 where there is no such line.
std::int64_t kib_of(std::string_view text, std::string_view name) noexcept {
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    std::string_view line = text.substr(at, end - at);
    at = end + 1;
    if (!line.starts_with(name)) continue;
    line.remove_prefix(name.size());
    line.remove_prefix(std::min(line.find_first_not_of(' '), line.size()));
    std::int64_t value = 0;
    std::from_chars(line.data(), line.data() + line.size(), value);
    return value;
  }
  return 0;
}

}  // namespace

Memory read_memory() noexcept {
  Memory m;
  char text[4096];  // the file has some 800 bytes
  const int file = open("/proc/self/smaps_rollup", O_RDONLY | O_CLOEXEC);
  if (file >= 0) {
    const ssize_t length = read(file, text, sizeof text);
    close(file);
    const std::string_view read_text(text, length > 0 ? static_cast<std::size_t>(length) : 0);
    const std::int64_t huge = kib_of(read_text, "Private_Hugetlb:") + kib_of(read_text, "Shared_Hugetlb:");
    m.resident_kib = kib_of(read_text, "Rss:") + huge;
    m.own_kib = kib_of(read_text, "Pss_Anon:") + kib_of(read_text, "Pss_Shmem:") + huge;
  }
  const struct mallinfo2 heap = mallinfo2();
  m.heap_bytes = static_cast<std::int64_t>(heap.uordblks + heap.hblkhd);
  for (int socket = 0; socket < RTE_MAX_NUMA_NODES; ++socket) {
    rte_malloc_socket_stats stats{};
    if (rte_malloc_get_socket_stats(socket, &stats) == 0) {
      m.dpdk_heap_bytes += static_cast<std::int64_t>(stats.heap_allocsz_bytes);
    }
  }
  return m;
}

void keep_pages_small() noexcept {
  prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0);
}

}  // namespace gl::load
