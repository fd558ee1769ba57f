// Cache lines that will be written soon, fetched as the writer's own.
// Thread: a hint, no effect on any value. Across cores a line fetched for reading has to be fetched again when it is
// written.
#pragma once

namespace gl {

inline void prefetch_for_write(const void* line) noexcept {
  __builtin_prefetch(line, 1, 3);
}

}  // namespace gl
