#include "app/ctl/connection.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <cstdlib>
#include <cstring>

#include "lib/base/clock.h"
#include "lib/base/descriptor.h"

namespace gl::ctl {
namespace {

Error failed(const std::string& path) {
  return Error{path + ": " + std::strerror(errno)};
}

Status connect_to(int s, const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) return Error{path + ": too long for a socket's path"};
  std::memcpy(address.sun_path, path.c_str(), path.size());
  if (connect(s, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) return failed(path);  // NOLINT
  return success();
}

// False: not in time.
bool wait_for(int s, std::uint64_t end_ms) {
  const std::uint64_t now = monotonic_ms();
  if (now >= end_ms) return false;
  pollfd polled{s, POLLIN, 0};
  (void)poll(&polled, 1, static_cast<int>(std::min<std::uint64_t>(end_ms - now, INT_MAX)));
  return true;
}

}  // namespace

std::string default_socket(const std::string& prefix) {
  const char* const own = std::getenv("XDG_RUNTIME_DIR");
  const std::string base = getuid() == 0 ? "/var/run" : own != nullptr ? own : "/tmp";
  return base + "/dpdk/" + prefix + "/goldilocks.sock";
}

Result<std::string> ask(const std::string& path, const std::string& request, std::uint32_t wait_seconds) {
  const Descriptor s(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (Status status = connect_to(s.get(), path); !status) return Error{status.error()};
  const std::string line = request + "\n";
  if (send(s.get(), line.data(), line.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(line.size())) return failed(path);
  const std::uint64_t end = wait_seconds == 0 ? UINT64_MAX : monotonic_ms() + std::uint64_t{wait_seconds} * 1000;
  std::string answer;
  std::array<char, 65536> part;
  while (wait_for(s.get(), end)) {
    const ssize_t length = recv(s.get(), part.data(), part.size(), MSG_DONTWAIT);
    if (length < 0 && (errno == EAGAIN || errno == EINTR)) continue;
    if (length < 0) return failed(path);
    if (length == 0) return Error{path + ": the server closed the connection without an answer"};
    answer.append(part.data(), static_cast<std::size_t>(length));
    if (answer.back() != '\n') continue;
    answer.pop_back();
    return answer;
  }
  return Error{path + ": no answer within " + std::to_string(wait_seconds) + " s; it may be starting"};
}

}  // namespace gl::ctl
