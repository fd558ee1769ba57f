// Which of the DPDK ports serve, and which lead to this machine's kernel beside them (--kernel-port).
// Ownership: plain values. Thread: pure functions. Errors: one line that names the flag.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "lib/base/result.h"
#include "lib/control/options/settings.h"

namespace gl::control {

struct PortPlan {
  std::uint16_t service = 0;
  std::optional<std::uint16_t> kernel;  // beside it
};

// In the order of `ports`, the DPDK ports' ids.
[[nodiscard]] Result<std::vector<PortPlan>> plan_ports(const std::vector<KernelPortSetting>& settings,
                                                       std::span<const std::uint16_t> ports);

}  // namespace gl::control
