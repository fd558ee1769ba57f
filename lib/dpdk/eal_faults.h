// Why the EAL does not start, as far as its arguments and the machine tell: one line with the cause and the cure.
// Thread: main core, at the start. Errors: none; an empty string where nothing is known.
#pragma once

#include <string>
#include <vector>

namespace gl::dpdk {

// Before rte_eal_init(): what it would say in ninety lines, or not at all.
struct EalFault {
  std::string text;      // empty: none
  bool of_flag = false;  // a flag is wrong, whatever the machine is
};
[[nodiscard]] EalFault fault_before(const std::vector<std::string>& arguments);
// After it has failed with this rte_errno.
[[nodiscard]] std::string fault_after(const std::vector<std::string>& arguments, int error);

}  // namespace gl::dpdk
