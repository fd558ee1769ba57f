#include "lib/dpdk/eal.h"

#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_lcore.h>

#include <cerrno>
#include <climits>

namespace gl::dpdk {

Result<Eal> Eal::init(const std::vector<std::string>& arguments) {
  // The EAL reorders the pointers and keeps some of them: they live as long as the process.
  static std::vector<std::string> kept;
  static std::vector<char*> pointers;
  kept = arguments;
  pointers.clear();
  for (std::string& argument : kept) pointers.push_back(argument.data());
  pointers.push_back(nullptr);
  if (rte_eal_init(static_cast<int>(kept.size()), pointers.data()) < 0) {
    return Error{std::string("EAL: ") + rte_strerror(rte_errno) +
                 "; EAL flags come before --, those of goldilocks after it (see --help)"};
  }
  return Eal();
}

bool Eal::arguments_refused() noexcept {
  return rte_errno == EINVAL;
}

Eal::~Eal() {
  if (live_) rte_eal_cleanup();
}

std::vector<unsigned> Eal::worker_lcores() {
  std::vector<unsigned> lcores;
  for (unsigned lcore = rte_get_next_lcore(UINT_MAX, 1, 0); lcore < RTE_MAX_LCORE;
       lcore = rte_get_next_lcore(lcore, 1, 0)) {
    lcores.push_back(lcore);
  }
  return lcores;
}

}  // namespace gl::dpdk
