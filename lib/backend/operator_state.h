// What the operator wants of the backends while the cores run.
// Ownership: the program's; forwarders borrow it. Thread: the main core writes, every core reads; each word by itself.
#pragma once

#include <atomic>
#include <cstdint>

namespace gl::backend {

struct OperatorState {
  std::atomic<std::uint32_t> down{0};     // a bit each: never asked
  std::atomic<std::uint32_t> drained{0};  // a bit each: asked only where its pool has no other
};

// Where there is no operator.
inline const OperatorState kNoOperator{};

}  // namespace gl::backend
