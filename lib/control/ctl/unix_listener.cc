#include "lib/control/ctl/unix_listener.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "lib/base/descriptor.h"

namespace gl::control {
namespace {

int new_socket() {
  return socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
}

template <class Call>
int with_address(const std::string& path, Call call) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, path.c_str(), path.size());                  // its length was checked
  return call(reinterpret_cast<const sockaddr*>(&address), sizeof address);  // NOLINT: the socket API's way
}

// Why the file in the way cannot be replaced; success: nobody listens at that socket any more.
Status replaceable(const std::string& path) {
  struct stat is {};
  if (lstat(path.c_str(), &is) != 0) return success();  // gone meanwhile
  if (!S_ISSOCK(is.st_mode)) return Error{path + " is there already, and is no socket"};
  const Descriptor probe(new_socket());
  const int connected = with_address(
      path, [&](const sockaddr* address, socklen_t length) { return connect(probe.get(), address, length); });
  if (connected == 0 || errno == EAGAIN) return Error{path + ": another process answers there"};
  if (errno != ECONNREFUSED) return Error{path + ": " + std::strerror(errno)};
  return success();
}

}  // namespace

Status UnixListener::bind_to(const std::string& path) {
  const auto bind_here = [&] {
    return with_address(path,
                        [&](const sockaddr* address, socklen_t length) { return bind(descriptor_, address, length); });
  };
  // Linux takes the file's mode from the socket's, so there is no moment at which others may connect.
  if (fchmod(descriptor_, S_IRUSR | S_IWUSR) != 0) return Error{path + ": " + std::strerror(errno)};
  int bound = bind_here();
  if (bound != 0 && errno == EADDRINUSE) {
    if (Status status = replaceable(path); !status) return status;
    (void)unlink(path.c_str());
    bound = bind_here();
  }
  struct stat is {};
  if (bound != 0 || lstat(path.c_str(), &is) != 0) return Error{path + ": " + std::strerror(errno)};
  path_ = path;
  device_ = is.st_dev;
  inode_ = is.st_ino;
  return success();
}

Result<UnixListener> UnixListener::open(const std::string& path) {
  constexpr int kBacklog = 16;
  if (path.empty() || path.size() >= sizeof(sockaddr_un::sun_path)) {
    return Error{"'" + path + "' is no path of 1 to " + std::to_string(sizeof(sockaddr_un::sun_path) - 1) + " bytes"};
  }
  UnixListener listener(new_socket());
  if (listener.descriptor_ < 0) return Error{path + ": " + std::strerror(errno)};
  if (Status status = listener.bind_to(path); !status) return Error{status.error()};
  if (listen(listener.descriptor_, kBacklog) != 0) return Error{path + ": " + std::strerror(errno)};
  return Result<UnixListener>(std::move(listener));
}

UnixListener::~UnixListener() {
  if (descriptor_ < 0) return;
  close(descriptor_);
  struct stat is {};
  if (path_.empty() || lstat(path_.c_str(), &is) != 0) return;
  if (is.st_dev == device_ && is.st_ino == inode_) (void)unlink(path_.c_str());
}

}  // namespace gl::control
