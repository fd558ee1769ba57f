#include "lib/control/ctl/control_socket.h"

#include <rte_eal.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>

#include "lib/control/log.h"

namespace gl::control {

void ControlSocket::add_polled(std::vector<pollfd>& polled, std::uint64_t now_ms) const {
  polled.push_back({listener_.descriptor(), now_ms >= accept_after_ms_ ? short{POLLIN} : short{0}, 0});
  for (const auto& client : clients_) polled.push_back(client->polled());
}

void ControlSocket::serve(std::span<const pollfd> polled, std::uint64_t now_ms) {
  for (std::size_t i = 0; i < clients_.size(); ++i) clients_[i]->serve(polled[i + 1].revents, now_ms, answer_);
  remove_those_over();
  if (polled[0].revents != 0) accept_clients(now_ms);
}

void ControlSocket::accept_clients(std::uint64_t now_ms) {
  constexpr std::uint64_t kPauseMs = 1000;
  // A bounded number at once: signals and timers have their turn.
  for (std::size_t i = 0; i < kMostClients; ++i) {
    const int descriptor = accept4(listener_.descriptor(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (descriptor < 0) {
      if (errno != EAGAIN && errno != EINTR && errno != ECONNABORTED) accept_after_ms_ = now_ms + kPauseMs;
      return;
    }
    auto client = std::make_unique<ControlClient>(descriptor, now_ms);
    if (clients_.size() >= kMostClients && !make_room()) {
      client->refuse(R"({"ok":false,"error":"too many clients wait for an answer"})");
      client->serve(0, now_ms, answer_);
      continue;
    }
    client->serve(POLLIN, now_ms, answer_);  // most have said it already
    if (!client->is_over()) clients_.push_back(std::move(client));
  }
}

bool ControlSocket::make_room() {
  const auto longest = std::ranges::min_element(
      clients_, {}, [](const auto& client) { return std::pair(!client->is_idle(), client->since_ms()); });
  if (!(*longest)->is_idle()) return false;
  clients_.erase(longest);
  return true;
}

void ControlSocket::remove_those_over() {
  std::erase_if(clients_, [](const auto& client) { return client->is_over(); });
}

Result<std::optional<UnixListener>> open_control_socket(const std::string& setting) {
  if (setting == "off") return std::optional<UnixListener>{};
  const bool is_default = setting.empty();
  auto listener =
      UnixListener::open(is_default ? std::string(rte_eal_get_runtime_dir()) + "/goldilocks.sock" : setting);
  if (listener) return std::optional<UnixListener>{std::move(*listener)};
  if (!is_default) return Error{"--control-socket: " + listener.error()};
  warn("goldilocks-ctl cannot connect: " + listener.error());
  return std::optional<UnixListener>{};
}

}  // namespace gl::control
