#include "lib/dpdk/capture.h"

#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_pdump.h>

namespace gl::dpdk {

Capture::Capture() {
  if (rte_eal_has_hugepages() == 0) {
    why_not_ = "without hugepages no secondary process can attach";
  } else if (rte_pdump_init() != 0) {
    why_not_ = rte_strerror(rte_errno);
  }
}

Capture::~Capture() {
  if (why_not_.empty()) rte_pdump_uninit();
}

}  // namespace gl::dpdk
