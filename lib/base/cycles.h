// The CPU's time stamp counter, as DPDK's rte_get_tsc_cycles() reads it, for what knows no DPDK. No system call.
// Units: cycles. Thread: any; all CPUs count alike.
#pragma once

#include <cstdint>

#ifdef __x86_64__
#include <x86intrin.h>
#endif

namespace gl {

[[nodiscard]] inline std::uint64_t cycle_count() noexcept {
#if defined(__x86_64__)
  return __rdtsc();
#elif defined(__aarch64__)
  std::uint64_t cycles;
  asm volatile("mrs %0, cntvct_el0" : "=r"(cycles));
  return cycles;
#else
#error "a time stamp counter is needed here"
#endif
}

}  // namespace gl
