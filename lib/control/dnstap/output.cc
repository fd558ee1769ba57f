#include "lib/control/dnstap/output.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "lib/base/clock.h"
#include "lib/wire/kernel_socket.h"

namespace gl::control {
namespace {

constexpr char kContentType[] = "protobuf:dnstap.Dnstap";
constexpr int kConnectMs = 2000;
constexpr int kHandshakeMs = 3000;
constexpr int kStalledMs = 10'000;  // a reader that takes no byte for so long is no longer one
constexpr int kEndMs = 2000;        // when the program ends, all that is still to do
constexpr int kSliceMs = 50;        // how soon that is noticed

}  // namespace

bool TapOutput::fail(const std::string& why) {
  if (!broken_) error_ = why;
  broken_ = true;
  return false;
}

// A reader that takes or gives a byte from time to time keeps nobody from ending.
bool TapOutput::out_of_time() {
  if (!stop_.load(std::memory_order_relaxed)) return false;
  const std::uint64_t now = monotonic_ms();
  if (end_by_ms_ == 0) end_by_ms_ = now + kEndMs;
  return now >= end_by_ms_ && !fail("the reader is too slow for the end");
}

bool TapOutput::await(short events, int limit_ms) {
  const std::uint64_t end = monotonic_ms() + static_cast<std::uint64_t>(limit_ms);
  for (;;) {
    if (out_of_time()) return false;
    pollfd descriptor{descriptor_.get(), events, 0};
    const int ready = poll(&descriptor, 1, kSliceMs);
    if (ready > 0) return true;
    if (ready < 0 && errno != EINTR) return fail(std::strerror(errno));
    if (monotonic_ms() >= end) return fail("no reply, or nothing taken, within " + std::to_string(limit_ms) + " ms");
  }
}

bool TapOutput::connect_to(int family, const void* address, unsigned length) {
  descriptor_.reset(socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (descriptor_.get() < 0) return fail(std::strerror(errno));
  if (connect(descriptor_.get(), static_cast<const sockaddr*>(address), length) == 0) return true;
  if (errno != EINPROGRESS) return fail(std::strerror(errno));
  if (!await(POLLOUT, kConnectMs)) return false;
  int error = 0;
  socklen_t size = sizeof error;
  if (getsockopt(descriptor_.get(), SOL_SOCKET, SO_ERROR, &error, &size) != 0) error = errno;
  return error == 0 || fail(std::strerror(error));
}

bool TapOutput::open_descriptor() {
  if (is_file()) {
    // Not to wait for the reader of a pipe, which this is not for.
    descriptor_.reset(::open(settings_.target.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NONBLOCK, 0640));
    if (descriptor_.get() < 0) return fail(std::strerror(errno));
    struct stat found {};
    return (fstat(descriptor_.get(), &found) == 0 && S_ISREG(found.st_mode)) || fail("it is not a regular file");
  }
  if (settings_.kind == DnstapSettings::Kind::unix_socket) {
    sockaddr_un to{};
    to.sun_family = AF_UNIX;
    std::copy(settings_.target.begin(), settings_.target.end(), to.sun_path);
    return connect_to(AF_UNIX, &to, sizeof to);
  }
  const wire::SocketAddress to({settings_.address, settings_.port});
  return connect_to(to.family(), to.get(), to.length);
}

fstrm_res TapOutput::read_all(void* to, std::size_t length) {
  auto* at = static_cast<std::uint8_t*>(to);
  while (length > 0 && !broken_) {
    const ssize_t got = recv(descriptor_.get(), at, length, 0);
    if (got > 0) {
      at += got;
      length -= static_cast<std::size_t>(got);
    } else if (got == 0) {
      (void)fail("the reader has closed the connection");
    } else if (errno != EAGAIN && errno != EINTR) {
      (void)fail(std::strerror(errno));
    } else if (!await(POLLIN, kHandshakeMs)) {
      break;
    }
  }
  return broken_ ? fstrm_res_failure : fstrm_res_success;
}

fstrm_res TapOutput::write_all(const iovec* given, int count) {
  std::vector<iovec> parts(given, given + count);
  std::span<iovec> left(parts);
  while (!left.empty() && !broken_ && (is_file() || !out_of_time())) {
    if (left.front().iov_len == 0) {
      left = left.subspan(1);
      continue;
    }
    msghdr message{};
    message.msg_iov = left.data();
    message.msg_iovlen = std::min<std::size_t>(left.size(), 1024);
    const ssize_t sent = is_file() ? writev(descriptor_.get(), left.data(), static_cast<int>(message.msg_iovlen))
                                   : sendmsg(descriptor_.get(), &message, MSG_NOSIGNAL);
    if (sent < 0 && (errno == EAGAIN || errno == EINTR)) {
      if (errno == EAGAIN && !await(POLLOUT, kStalledMs)) break;
      continue;
    }
    if (sent < 0) {
      (void)fail(std::strerror(errno));
      break;
    }
    auto taken = static_cast<std::size_t>(sent);
    while (!left.empty() && taken >= left.front().iov_len) {
      taken -= left.front().iov_len;
      left = left.subspan(1);
    }
    if (taken != 0) {
      left.front().iov_base = static_cast<std::uint8_t*>(left.front().iov_base) + taken;
      left.front().iov_len -= taken;
    }
  }
  // To libfstrm a file is always well: what is to become of it is for write() to see.
  return broken_ && (!is_file() || whole_ == 0) ? fstrm_res_failure : fstrm_res_success;
}

bool TapOutput::open() {
  close();
  broken_ = false;
  whole_ = 0;
  error_.clear();
  if (!open_descriptor()) return descriptor_.reset(), false;
  fstrm_rdwr* ends = fstrm_rdwr_init(this);
  fstrm_rdwr_set_open(ends, [](void*) { return fstrm_res_success; });
  fstrm_rdwr_set_close(ends, [](void*) { return fstrm_res_success; });
  fstrm_rdwr_set_write(ends, [](void* self, const iovec* parts, int count) {
    return static_cast<TapOutput*>(self)->write_all(parts, count);
  });
  // A reader at a socket says what it takes; with a file there is nobody to do so.
  if (!is_file()) {
    fstrm_rdwr_set_read(ends, [](void* self, void* to, std::size_t length) {
      return static_cast<TapOutput*>(self)->read_all(to, length);
    });
  }
  fstrm_writer_options* options = fstrm_writer_options_init();
  (void)fstrm_writer_options_add_content_type(options, kContentType, sizeof kContentType - 1);
  writer_ = fstrm_writer_init(options, &ends);
  fstrm_writer_options_destroy(&options);
  if (writer_ == nullptr) {
    fstrm_rdwr_destroy(&ends);
    (void)fail("libfstrm has no memory");
  } else if (fstrm_writer_open(writer_) == fstrm_res_success) {
    note_whole();
    return true;
  }
  (void)fail("the reader does not take " + std::string(kContentType));
  close();
  return false;
}

bool TapOutput::write(std::span<const iovec> frames) {
  if (broken_ && !cut_back()) return false;
  if (fstrm_writer_writev(writer_, frames.data(), static_cast<int>(frames.size())) == fstrm_res_success && !broken_) {
    note_whole();
    return true;
  }
  (void)fail("libfstrm does not write");
  if (is_file()) {
    (void)cut_back();
  } else {
    close();
  }
  return false;
}

void TapOutput::note_whole() {
  if (is_file()) whole_ = static_cast<std::uint64_t>(lseek(descriptor_.get(), 0, SEEK_CUR));
}

// The next frame is written where the last whole one ends.
bool TapOutput::cut_back() {
  const auto end = static_cast<off_t>(whole_);
  broken_ = ftruncate(descriptor_.get(), end) != 0 || lseek(descriptor_.get(), end, SEEK_SET) != end;
  return !broken_;
}

void TapOutput::close() {
  if (writer_ != nullptr) {
    (void)fstrm_writer_destroy(&writer_);
    if (is_file() && broken_) (void)cut_back();  // without its end rather than with half of it
  }
  descriptor_.reset();
}

bool TapOutput::is_moved() const {
  if (!is_file() || !is_open()) return false;
  struct stat ours {};
  struct stat named {};
  if (fstat(descriptor_.get(), &ours) != 0) return false;
  return stat(settings_.target.c_str(), &named) != 0 || named.st_ino != ours.st_ino || named.st_dev != ours.st_dev;
}

}  // namespace gl::control
