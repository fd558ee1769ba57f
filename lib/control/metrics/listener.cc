#include "lib/control/metrics/listener.h"

#include <unistd.h>

#include "lib/wire/kernel_socket.h"

namespace gl::control {

Result<Listener> Listener::open(const Endpoint& endpoint) {
  Descriptor socket;
  if (Status status = wire::open_listener(socket, endpoint, SOCK_STREAM); !status) {
    return Error{"--metrics: " + status.error()};
  }
  return Result<Listener>(Listener(socket.release()));
}

Listener::~Listener() {
  if (descriptor_ >= 0) close(descriptor_);
}

}  // namespace gl::control
