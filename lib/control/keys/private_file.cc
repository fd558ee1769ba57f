#include "lib/control/keys/private_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

namespace gl::control {

// The content of a file that only its owner can read. What is judged is what is read: the name is looked up once.
Result<std::string> read_private_file(const std::string& path, const std::string& kind) {
  const auto failure = [&](const std::string& why) { return Error{kind + " " + path + ": " + why}; };
  const int descriptor = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) return failure(std::strerror(errno));
  struct stat status {};
  std::string text;
  std::string reason;
  std::array<char, 4096> part;
  ssize_t length = 0;
  if (fstat(descriptor, &status) != 0) {
    reason = std::strerror(errno);
  } else if (!S_ISREG(status.st_mode)) {
    reason = "is not a file";
  } else if (status.st_uid != geteuid() && status.st_uid != 0) {
    reason = "belongs to another user";
  } else if ((status.st_mode & (S_IRWXG | S_IRWXO)) != 0) {
    reason = "others than its owner may read it; chmod 600";
  } else {
    while ((length = read(descriptor, part.data(), part.size())) > 0)
      text.append(part.data(), static_cast<std::size_t>(length));
    if (length < 0) reason = std::strerror(errno);
  }
  close(descriptor);
  if (!reason.empty()) return failure(reason);
  return text;
}

}  // namespace gl::control
