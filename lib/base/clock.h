// The two clocks of the main core and its threads. Cores take their time from the TSC: here is a system call.
// Units: as named. Thread: any. Errors: none.
#pragma once

#include <chrono>
#include <cstdint>

namespace gl {

// Since 1970: may jump.
[[nodiscard]] inline std::uint64_t unix_seconds() noexcept {
  using namespace std::chrono;
  return static_cast<std::uint64_t>(duration_cast<seconds>(system_clock::now().time_since_epoch()).count());
}
// Never goes back.
[[nodiscard]] inline std::uint64_t monotonic_ms() noexcept {
  using namespace std::chrono;
  return static_cast<std::uint64_t>(duration_cast<milliseconds>(steady_clock::now().time_since_epoch()).count());
}

}  // namespace gl
