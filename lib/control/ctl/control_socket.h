// The control socket: its listener and its clients, of whom there are few. The one that has said nothing for longest
// makes room for a new one, so that clients that hang shut nobody out.
// Units: milliseconds of the monotonic clock. Ownership: owns them. Thread: main core, in the supervisor's poll().
// Errors: to the client.
#pragma once

#include <poll.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "lib/control/ctl/control_client.h"
#include "lib/control/ctl/unix_listener.h"

namespace gl::control {

class ControlSocket {
 public:
  static constexpr std::size_t kMostClients = 16;

  ControlSocket(UnixListener listener, AnswerLine answer)
      : listener_(std::move(listener)), answer_(std::move(answer)) {}

  // What poll() is to look at.
  void add_polled(std::vector<pollfd>& polled, std::uint64_t now_ms) const;
  // `polled`: what add_polled() added last, after poll().
  void serve(std::span<const pollfd> polled, std::uint64_t now_ms);

  [[nodiscard]] std::size_t clients() const noexcept { return clients_.size(); }

 private:
  void accept_clients(std::uint64_t now_ms);
  [[nodiscard]] bool make_room();
  void remove_those_over();

  UnixListener listener_;
  AnswerLine answer_;
  std::vector<std::unique_ptr<ControlClient>> clients_;
  std::uint64_t accept_after_ms_ = 0;  // no descriptors were left
};

// The listener of --control-socket, after the EAL's start; none where that says `off`. The socket that nobody named is
// no reason not to serve: then there is a warning.
[[nodiscard]] Result<std::optional<UnixListener>> open_control_socket(const std::string& setting);

}  // namespace gl::control
