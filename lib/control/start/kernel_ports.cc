#include "lib/control/start/kernel_ports.h"

#include <algorithm>

namespace gl::control {

namespace {

Error error(const std::string& text) {
  return Error{"--kernel-port: " + text};
}

std::string number(std::uint16_t port) {
  return std::to_string(port);
}

// The service's port that this one stands beside.
Result<std::size_t> beside(const KernelPortSetting& setting, const std::vector<PortPlan>& plan) {
  if (!setting.beside) {
    if (plan.size() == 1) return std::size_t{0};
    return error("there are " + std::to_string(plan.size()) + " ports besides DPDK port " + number(setting.kernel) +
                 ": say which it belongs to (PORT=" + number(setting.kernel) + ")");
  }
  const auto found = std::ranges::find(plan, *setting.beside, &PortPlan::service);
  if (found != plan.end()) return static_cast<std::size_t>(found - plan.begin());
  return error("there is no DPDK port " + number(*setting.beside) + " that serves");
}

}  // namespace

Result<std::vector<PortPlan>> plan_ports(const std::vector<KernelPortSetting>& settings,
                                         std::span<const std::uint16_t> ports) {
  for (auto setting = settings.begin(); setting != settings.end(); ++setting) {
    if (std::ranges::find(ports, setting->kernel) == ports.end()) {
      return error("there is no DPDK port " + number(setting->kernel));
    }
    const auto same = [&](const KernelPortSetting& other) { return other.kernel == setting->kernel; };
    if (std::any_of(settings.begin(), setting, same)) {
      return error("DPDK port " + number(setting->kernel) + " twice");
    }
  }
  std::vector<PortPlan> plan;
  for (const std::uint16_t port : ports) {
    if (std::ranges::find(settings, port, &KernelPortSetting::kernel) == settings.end()) plan.push_back({port, {}});
  }
  if (plan.empty()) return error("no DPDK port is left to serve");
  for (const KernelPortSetting& setting : settings) {
    const auto at = beside(setting, plan);
    if (!at) return Error{at.error()};
    if (plan[*at].kernel) return error("DPDK port " + number(plan[*at].service) + " has two");
    plan[*at].kernel = setting.kernel;
  }
  return plan;
}

}  // namespace gl::control
