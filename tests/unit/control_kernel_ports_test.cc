// --kernel-port: which ports serve, which lead to the kernel, and what is refused.
#include <gtest/gtest.h>

#include "lib/control/options/parse_value.h"
#include "lib/control/start/kernel_ports.h"

namespace gl::control {
namespace {

std::string plan(const std::string& text, const std::vector<std::uint16_t>& ports) {
  const auto settings = parse_kernel_ports(text);
  if (!settings) return settings.error();
  const auto plan = plan_ports(*settings, ports);
  if (!plan) return plan.error();
  std::string said;
  for (const PortPlan& port : *plan) {
    said += std::to_string(port.service) + (port.kernel ? ":" + std::to_string(*port.kernel) : "") + " ";
  }
  return said;
}

TEST(KernelPorts, ArePairedWithThoseThatServe) {
  EXPECT_EQ(plan("1", {0, 1}), "0:1 ");
  EXPECT_EQ(plan("0", {0, 1}), "1:0 ");
  EXPECT_EQ(plan("0=2,1=3", {0, 1, 2, 3}), "0:2 1:3 ");
  EXPECT_EQ(plan("1=2", {0, 1, 2}), "0 1:2 ");
  const auto none = plan_ports({}, std::vector<std::uint16_t>{0, 3});
  ASSERT_TRUE(none.ok());
  EXPECT_EQ(none->size(), 2u);
}

TEST(KernelPorts, WrongOnesAreRefused) {
  EXPECT_EQ(plan("2", {0, 1}), "--kernel-port: there is no DPDK port 2");
  EXPECT_EQ(plan("0", {0}), "--kernel-port: no DPDK port is left to serve");
  EXPECT_EQ(plan("2", {0, 1, 2}),
            "--kernel-port: there are 2 ports besides DPDK port 2: say which it belongs to (PORT=2)");
  EXPECT_EQ(plan("1=1", {0, 1}), "--kernel-port: there is no DPDK port 1 that serves");
  EXPECT_EQ(plan("0=1,2=1", {0, 1, 2}), "--kernel-port: DPDK port 1 twice");
  EXPECT_EQ(plan("0=1,0=2", {0, 1, 2}), "--kernel-port: DPDK port 0 has two");
  for (const char* const text : {"", "x", "0=", "=1", "1,", "0=1=2", "32", "-1"}) {
    const std::string said = plan(text, {0, 1});
    EXPECT_NE(said.find("is not DPDKPORT"), std::string::npos) << text << ": " << said;
  }
}

}  // namespace
}  // namespace gl::control
