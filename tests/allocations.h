// Counts the ways to the heap that C++ has: the packet path must take none. For programs that have allocations.cc among
// their sources, which replaces operator new; in a file of its own, so that no compiler sees a half of a pair inlined.
#pragma once

#include <cstdint>

namespace gl::test {

// How often this thread has called operator new.
[[nodiscard]] std::uint64_t allocations_so_far() noexcept;

}  // namespace gl::test
