#include "app/rpc/identity.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstdio>
#include <cstring>
#include <random>
#include <string_view>
#include <utility>

#include "lib/base/replace_file.h"
#include "lib/base/text.h"

namespace gl::rpc_client {

Identity::Identity(Identity&& other) noexcept
    : id_(other.id_), boot_(other.boot_), lock_(std::exchange(other.lock_, -1)) {}

Identity::~Identity() {
  if (lock_ >= 0) close(lock_);
}

Result<Identity> Identity::next(const std::string& path) {
  Identity identity;
  std::random_device random;
  while (identity.id_ == 0) identity.id_ = std::uint64_t{random()} << 32 | random();
  if (!path.empty()) {
    if (Status status = identity.load(path); !status) return Error{status.error()};
  }
  return identity;
}

Status Identity::load(const std::string& path) {
  const std::string lock = path + ".lock";
  lock_ = open(lock.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  if (lock_ < 0) return Error{lock + ": " + std::strerror(errno)};
  if (flock(lock_, LOCK_EX | LOCK_NB) != 0) return Error{path + ": another client has it"};
  const auto text = read_small_file(path);
  if (!text) return Error{text.error()};
  if (*text) {
    std::string_view rest = **text;
    const std::string_view id = take_member(rest, ' ');
    const auto boot = parse_decimal(take_member(rest, '\n'), 1, 0xfffffffe);
    const auto [end, error] = std::from_chars(id.data(), id.data() + id.size(), id_, 16);
    if (error != std::errc{} || end != id.data() + id.size() || id_ == 0 || !boot) {
      return Error{path + ": holds no id and boot counter"};
    }
    boot_ = *boot + 1;
  }
  char line[40];
  const int length = std::snprintf(line, sizeof line, "%016llx %u\n", static_cast<unsigned long long>(id_), boot_);
  return replace_file(path, {line, static_cast<std::size_t>(length)});
}

}  // namespace gl::rpc_client
