// Cache lines that will be read soon, or written, when they are fetched as the writer's own.
// Thread: a hint, no effect on any value. Across cores a line fetched for reading has to be fetched again when it is
// written.
#pragma once

#include <cstddef>
#include <cstdint>

namespace gl {

inline void prefetch_for_write(const void* line) noexcept {
  __builtin_prefetch(line, 1, 3);
}

inline void prefetch_for_read(const void* line) noexcept {
  __builtin_prefetch(line, 0, 3);
}
// Every line of `size` bytes from `at` on.
inline void prefetch_for_read(const void* at, std::size_t size) noexcept {
  constexpr std::uintptr_t kLine = 64;
  const auto begin = reinterpret_cast<std::uintptr_t>(at);
  for (std::uintptr_t line = begin & ~(kLine - 1); line < begin + size; line += kLine) {
    prefetch_for_read(reinterpret_cast<const void*>(line));  // NOLINT(performance-no-int-to-ptr)
  }
}

}  // namespace gl
