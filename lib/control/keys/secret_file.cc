#include "lib/control/keys/secret_file.h"

#include <fcntl.h>
#include <sodium.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <sstream>
#include <utility>
#include <vector>

#include "lib/control/keys/private_file.h"

namespace gl::control {

namespace {

Error failure(const std::string& path, const std::string& reason) {
  return Error{"secret file " + path + ": " + reason};
}

template <std::size_t Size>
Status read_hex(const std::string& word, std::array<std::uint8_t, Size>& bytes) {
  std::size_t length = 0;
  const char* end = nullptr;
  const int code = sodium_hex2bin(bytes.data(), Size, word.data(), word.size(), nullptr, &length, &end);
  if (code == 0 && length == Size && end == word.data() + word.size()) return success();
  return Error{"expected " + std::to_string(2 * Size) + " hex digits"};
}

template <class Secret>
Status add_secret(std::uint64_t since, std::istringstream& words, std::string word, std::vector<Secret>& secrets) {
  Secret secret{since};
  if (Status status = read_hex(word, secret.bytes); !status) return status;
  if (words >> word) return Error{"something follows the " + std::to_string(2 * secret.bytes.size()) + " hex digits"};
  secrets.push_back(secret);
  return success();
}

Status parse_line(std::istringstream words, Secrets& secrets) {
  std::uint64_t since = 0;
  std::string word;
  words >> word;
  if (word.starts_with('@')) {
    const char* const end = word.data() + word.size();
    const auto [at, error] = std::from_chars(word.data() + 1, end, since);
    if (error != std::errc{} || at != end) return Error{"after @ stands a UNIX time in seconds"};
    word.clear();
    words >> word;
  }
  if (word != "dns") return add_secret(since, words, std::move(word), secrets.node);
  word.clear();
  words >> word;
  return add_secret(since, words, std::move(word), secrets.dns);
}

std::string new_secret_text() {
  std::array<std::uint8_t, 32> bytes;
  randombytes_buf(bytes.data(), bytes.size());
  std::array<char, 65> hex;
  sodium_bin2hex(hex.data(), hex.size(), bytes.data(), bytes.size());
  return "# Cookie secrets; every node that serves an address needs the same file. See docs/operations.md\n" +
         std::string(hex.data()) + "\n";
}

// Appears under its name only when it is whole and on disk, so nobody reads half of it and no crash leaves one behind.
// Where another process was faster, its file stays.
Status make_secret_file(const std::string& path) {
  std::error_code error;
  const auto folder = std::filesystem::path(path).parent_path();
  if (!folder.empty()) std::filesystem::create_directories(folder, error);
  if (error) return failure(path, "cannot make its folder: " + error.message());
  std::string draft = path + ".XXXXXX";
  const int descriptor = mkostemp(draft.data(), O_CLOEXEC);  // mode 0600
  if (descriptor < 0) return failure(path, std::strerror(errno));
  const std::string text = new_secret_text();
  errno = EIO;  // what a short write leaves unsaid
  const bool written = write(descriptor, text.data(), text.size()) == static_cast<ssize_t>(text.size()) &&
                       fsync(descriptor) == 0 && (link(draft.c_str(), path.c_str()) == 0 || errno == EEXIST);
  const int code = errno;
  close(descriptor);
  unlink(draft.c_str());
  if (!written) return failure(path, std::strerror(code));
  return success();
}

}  // namespace

Result<Secrets> read_secret_file(const std::string& path) {
  auto text = read_private_file(path, "secret file");
  if (!text) return Error{text.error()};
  std::istringstream file(*text);
  Secrets secrets;
  std::string line;
  for (std::size_t number = 1; std::getline(file, line); ++number) {
    line.resize(std::min(line.size(), line.find('#')));
    if (line.find_first_not_of(" \t\r") == std::string::npos) continue;
    const Status status = parse_line(std::istringstream(line), secrets);
    if (!status) return Error{"secret file " + path + ":" + std::to_string(number) + ": " + status.error()};
  }
  if (secrets.node.empty()) return failure(path, "holds no secret; remove it and a new one is made");
  return secrets;
}

Result<Secrets> read_or_make_secret_file(const std::string& path) {
  struct stat status {};
  if (stat(path.c_str(), &status) != 0 && errno == ENOENT) {
    if (Status made = make_secret_file(path); !made) return Error{made.error()};
  }
  return read_secret_file(path);
}

}  // namespace gl::control
