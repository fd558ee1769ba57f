#include "lib/zone/reader_process.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <climits>
#include <csignal>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

extern char** environ;

namespace gl::zone {
namespace {

constexpr char kProgram[] = "goldilocks-zone-reader";

class Descriptor {
 public:
  explicit Descriptor(int number = -1) : number_(number) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() { reset(); }
  void reset(int number = -1) {
    if (number_ >= 0) close(number_);
    number_ = number;
  }
  [[nodiscard]] int get() const { return number_; }

 private:
  int number_;
};

// Beside the running program, or where the build puts it as seen from there. In no other place: what is in $PATH need
// not be ours.
std::string find_program() {
  char self[PATH_MAX];
  const ssize_t length = readlink("/proc/self/exe", self, sizeof self - 1);
  if (length <= 0) return {};
  const std::string path(self, static_cast<std::size_t>(length));
  const std::string folder = path.substr(0, path.rfind('/'));
  for (const char* const place : {"/", "/../zone-reader/", "/../libexec/goldilocks/", "/../../app/zone-reader/"}) {
    std::string candidate = folder + place + kProgram;
    if (access(candidate.c_str(), X_OK) == 0) return candidate;
  }
  return {};
}

struct Actions {
  Actions() { posix_spawn_file_actions_init(&value); }
  Actions(const Actions&) = delete;
  Actions& operator=(const Actions&) = delete;
  ~Actions() { posix_spawn_file_actions_destroy(&value); }
  posix_spawn_file_actions_t value;
};
struct Attributes {
  // Signals that this process has blocked are not to be blocked there.
  Attributes() {
    posix_spawnattr_init(&value);
    sigset_t none;
    sigemptyset(&none);
    posix_spawnattr_setsigmask(&value, &none);
    posix_spawnattr_setflags(&value, POSIX_SPAWN_SETSIGMASK);
  }
  Attributes(const Attributes&) = delete;
  Attributes& operator=(const Attributes&) = delete;
  ~Attributes() { posix_spawnattr_destroy(&value); }
  posix_spawnattr_t value;
};

Status open_text(const std::string& path, Descriptor& file) {
  file.reset(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  struct stat status {};
  if (file.get() < 0 || fstat(file.get(), &status) != 0) return Error{path + ": " + std::strerror(errno)};
  if (S_ISDIR(status.st_mode)) return Error{path + ": is a directory"};
  return success();
}

// Returns when the program has closed its output, or `take` wants no more.
int read_output(int descriptor, const std::function<bool(Bytes)>& take) {
  const auto buffer = std::make_unique<std::array<std::uint8_t, 1 << 18>>();
  while (true) {
    const ssize_t count = read(descriptor, buffer->data(), buffer->size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return errno;
    if (count == 0 || !take(Bytes(*buffer).first(static_cast<std::size_t>(count)))) return 0;
  }
}

}  // namespace

Status run_zone_reader(const ZoneSource& source, const std::function<bool(Bytes)>& take) {
  static const std::string program = find_program();
  if (program.empty()) return Error{source.path + ": " + kProgram + " is not beside this program"};
  Descriptor text;
  if (Status status = open_text(source.path, text); !status) return status;
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return Error{source.path + ": pipe: " + std::strerror(errno)};
  Descriptor output(ends[0]);
  Descriptor input(ends[1]);
  Actions actions;
  posix_spawn_file_actions_adddup2(&actions.value, text.get(), STDIN_FILENO);
  posix_spawn_file_actions_adddup2(&actions.value, input.get(), STDOUT_FILENO);
  const Attributes attributes;
  std::vector<std::string> words = {kProgram, "--", source.path, source.origin};
  std::vector<char*> argv;
  argv.reserve(words.size() + 1);
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  pid_t child = 0;
  const int failed = posix_spawn(&child, program.c_str(), &actions.value, &attributes.value, argv.data(), environ);
  if (failed != 0) return Error{source.path + ": " + program + ": " + std::strerror(failed)};
  input.reset();
  const int error = read_output(output.get(), take);
  output.reset();
  int ended = 0;
  while (waitpid(child, &ended, 0) < 0 && errno == EINTR) {
  }
  if (error != 0) return Error{source.path + ": " + program + ": " + std::strerror(error)};
  if (WIFSIGNALED(ended) && WTERMSIG(ended) != SIGPIPE) {
    return Error{source.path + ": " + kProgram + " was ended by signal " + std::to_string(WTERMSIG(ended))};
  }
  return success();
}

}  // namespace gl::zone
