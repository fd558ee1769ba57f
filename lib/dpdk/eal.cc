#include "lib/dpdk/eal.h"

#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_lcore.h>

#include <cerrno>
#include <climits>
#include <utility>

#include "lib/dpdk/eal_faults.h"

namespace gl::dpdk {

Result<Eal> Eal::init(const std::vector<std::string>& arguments) {
  if (EalFault fault = fault_before(arguments); !fault.text.empty()) {
    rte_errno = fault.of_flag ? EINVAL : ENODEV;
    return Error{std::move(fault.text)};
  }
  // The EAL reorders the pointers and keeps some of them: they live as long as the process.
  static std::vector<std::string> kept;
  static std::vector<char*> pointers;
  kept = arguments;
  pointers.clear();
  for (std::string& argument : kept) pointers.push_back(argument.data());
  pointers.push_back(nullptr);
  if (rte_eal_init(static_cast<int>(kept.size()), pointers.data()) < 0) {
    const int error = rte_errno;
    std::string fault = fault_after(kept, error);
    if (fault.empty()) fault = std::string(rte_strerror(error)) + "; EAL flags come before -- (see --help)";
    rte_errno = error;
    return Error{std::string("the EAL does not start: ").append(fault)};
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
