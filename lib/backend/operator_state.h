// What the operator wants of backends and kept answers while the cores run.
// Ownership: the program's; forwarders borrow it. Thread: the main core writes, every core reads; each word by itself.
#pragma once

#include <atomic>
#include <cstdint>

namespace gl::backend {

struct OperatorState {
  std::atomic<std::uint32_t> down{0};     // a bit each: never asked
  std::atomic<std::uint32_t> drained{0};  // a bit each: asked only where its pool has no other
  std::atomic<std::uint32_t> flushes{0};  // so often the answers of before were to serve nobody any more
};

// Where there is no operator.
inline const OperatorState kNoOperator{};

}  // namespace gl::backend
