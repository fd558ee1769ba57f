// A listening TCP socket of the kernel, bound to one address and no other.
// Byte order: the endpoint's port is host order. Ownership: closes it, until release(). Thread: main core. Errors: one
// line that names address and port.
#pragma once

#include <utility>

#include "lib/base/result.h"
#include "lib/control/options/settings.h"

namespace gl::control {

class Listener {
 public:
  [[nodiscard]] static Result<Listener> open(const Endpoint& endpoint);

  Listener(Listener&& other) noexcept : descriptor_(other.release()) {}
  Listener& operator=(Listener&& other) noexcept {
    std::swap(descriptor_, other.descriptor_);
    return *this;
  }
  ~Listener();

  // The descriptor; it is the caller's from here on.
  [[nodiscard]] int release() noexcept { return std::exchange(descriptor_, -1); }

 private:
  explicit Listener(int descriptor) noexcept : descriptor_(descriptor) {}
  int descriptor_;
};

}  // namespace gl::control
