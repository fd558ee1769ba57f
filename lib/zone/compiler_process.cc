#include "lib/zone/compiler_process.h"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <climits>
#include <csignal>
#include <cstring>
#include <memory>
#include <string_view>
#include <utility>

#include "lib/base/descriptor.h"
#include "lib/base/text.h"
#include "lib/zone/image_input.h"
#include "lib/zone/load_progress.h"

extern char** environ;

namespace gl::zone {
namespace {

constexpr char kProgram[] = "goldilocks-zone";
constexpr std::size_t kMaxSaid = 1 << 20;  // of what it says; the rest is lost
constexpr std::string_view kProgress = "progress: ";
constexpr int kPipe = 1 << 20;  // bytes; the system may allow less

// Beside the running program, or where the build puts it as seen from there. In no other place: what is in $PATH need
// not be ours.
std::string find_program() {
  char self[PATH_MAX];
  const ssize_t length = readlink("/proc/self/exe", self, sizeof self - 1);
  if (length <= 0) return {};
  const std::string path(self, static_cast<std::size_t>(length));
  const std::string folder = path.substr(0, path.rfind('/'));
  for (const char* const place : {"/", "/../zone/", "/../libexec/goldilocks/", "/../../app/zone/"}) {
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

struct Pipe {
  Descriptor output;  // what is read here
  Descriptor input;   // the program's
  [[nodiscard]] bool open() {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) return false;
    output.reset(ends[0]);
    input.reset(ends[1]);
    return true;
  }
};

// Told to whoever waits for a program.
std::atomic<bool> given_up{false};
constexpr int kLookAgain = 50;  // ms

// The running program: its image comes out of one pipe, what it says out of the other.
struct Compiler {
  explicit Compiler(const std::string& path) : progress(path) {}

  LoadProgress progress;
  Pipe image;
  Pipe says;
  pid_t child = -1;
  ImageInput input;
  Status status = success();
  std::string said;
  std::string line;  // that has begun

  int start(const std::string& program, const ZoneSource& source, int text) {
    if (!image.open() || !says.open()) return errno;
    (void)fcntl(image.output.get(), F_SETPIPE_SZ, kPipe);
    Actions actions;
    posix_spawn_file_actions_adddup2(&actions.value, text, STDIN_FILENO);
    posix_spawn_file_actions_adddup2(&actions.value, image.input.get(), STDOUT_FILENO);
    posix_spawn_file_actions_adddup2(&actions.value, says.input.get(), STDERR_FILENO);
    const Attributes attributes;
    std::vector<std::string> words = {kProgram, "compile", "--stdin", "--output", "-"};
    if (!source.origin.empty()) words.insert(words.end(), {"--origin", source.origin});
    if (source.digests == ZoneDigests::off) words.insert(words.end(), {"--zonemd", "off"});
    if (source.digests == ZoneDigests::require) words.insert(words.end(), {"--zonemd", "require"});
    words.insert(words.end(), {"--", source.path});
    std::vector<char*> argv;
    argv.reserve(words.size() + 1);
    for (std::string& word : words) argv.push_back(word.data());
    argv.push_back(nullptr);
    const int failed = posix_spawn(&child, program.c_str(), &actions.value, &attributes.value, argv.data(), environ);
    image.input.reset();
    says.input.reset();
    return failed;
  }

  // One piece of the image; false: nothing more is wanted.
  bool receive_image() {
    const MutableBytes room = input.room();
    const ssize_t count = read(image.output.get(), room.data(), room.size());
    if (count < 0 && errno == EINTR) return true;
    if (count < 0) status = Error{std::strerror(errno)};
    if (count <= 0) return false;
    status = input.filled(static_cast<std::size_t>(count));
    return status.ok();
  }
  bool receive_words() {
    std::array<char, 4096> piece;
    const ssize_t count = read(says.output.get(), piece.data(), piece.size());
    if (count < 0) return errno == EINTR;
    for (const char c : std::string_view(piece.data(), static_cast<std::size_t>(count))) {
      line += c;
      if (c == '\n' || line.size() == kMaxSaid) take_line();
    }
    if (count == 0) take_line();
    return count > 0;
  }
  // How far it is: "progress: 65536" records read, or "progress: 65536 all". Anything else is told when it has ended.
  void take_line() {
    std::string_view rest = line;
    if (rest.starts_with(kProgress)) {
      rest.remove_prefix(kProgress.size());
      if (rest.ends_with('\n')) rest.remove_suffix(1);
      const auto records = parse_decimal(take_member(rest, ' '), 0, UINT32_MAX);
      if (records) progress.set(*records, rest == "all");
    } else if (said.size() < kMaxSaid) {
      said += line;
    }
    line.clear();
  }

  // Returns when both pipes are closed.
  void receive() {
    constexpr short kReadable = POLLIN | POLLHUP | POLLERR;
    while (image.output.get() >= 0 || says.output.get() >= 0) {
      std::array<pollfd, 2> pipes = {{{image.output.get(), POLLIN, 0}, {says.output.get(), POLLIN, 0}}};
      const int ready = poll(pipes.data(), pipes.size(), kLookAgain);
      if (given_up.load(std::memory_order_relaxed)) return give_up();
      progress.tick();
      if (ready < 0 && errno != EINTR) break;
      if (ready <= 0) continue;
      if ((pipes[0].revents & kReadable) != 0 && !receive_image()) image.output.reset();
      if ((pipes[1].revents & kReadable) != 0 && !receive_words()) says.output.reset();
    }
  }
  void give_up() {
    kill(child, SIGKILL);
    status = Error{"given up, since the server ends"};
  }
  [[nodiscard]] int wait() const {
    int ended = 0;
    while (waitpid(child, &ended, 0) < 0 && errno == EINTR) {
    }
    return ended;
  }
};

// The lines that begin with `kind`, without that.
std::vector<std::string> lines_of(std::string_view said, std::string_view kind) {
  std::vector<std::string> lines;
  while (!said.empty()) {
    const std::string_view line = said.substr(0, said.find('\n'));
    said.remove_prefix(std::min(line.size() + 1, said.size()));
    if (line.starts_with(kind)) lines.emplace_back(line.substr(kind.size()));
  }
  return lines;
}

// Why there is no image, of a program that did not say it itself.
std::string why_not(int ended) {
  if (WIFSIGNALED(ended)) return std::string(kProgram) + " was ended by signal " + std::to_string(WTERMSIG(ended));
  return std::string(kProgram) + " ended with status " + std::to_string(WEXITSTATUS(ended)) + ", and gave no reason";
}

// For fopencookie(3).
ssize_t read_unless_given_up(void* input, char* into, std::size_t size) {
  const int file = static_cast<Descriptor*>(input)->get();
  pollfd wanted{file, POLLIN, 0};
  int ready = 0;
  while (ready == 0 || (ready < 0 && errno == EINTR)) {
    if (given_up.load(std::memory_order_relaxed)) return errno = ECANCELED, -1;
    ready = poll(&wanted, 1, kLookAgain);
  }
  return read(file, into, size);
}
int close_input(void* input) {
  delete static_cast<Descriptor*>(input);  // NOLINT: it was released to the file
  return 0;
}

}  // namespace

RecordsProcess::~RecordsProcess() {
  if (output_ >= 0) close(output_);
  if (child_ < 0) return;
  kill(child_, SIGKILL);
  (void)ended_well();
}

Status RecordsProcess::start(const ZoneSource& source) {
  const std::string program = find_program();
  Pipe lines;
  const Descriptor nothing(open("/dev/null", O_RDWR | O_CLOEXEC));
  if (program.empty() || nothing.get() < 0 || !lines.open()) return Error{source.path + ": cannot be read"};
  Actions actions;
  posix_spawn_file_actions_adddup2(&actions.value, nothing.get(), STDIN_FILENO);
  posix_spawn_file_actions_adddup2(&actions.value, lines.input.get(), STDOUT_FILENO);
  posix_spawn_file_actions_adddup2(&actions.value, nothing.get(), STDERR_FILENO);
  const Attributes attributes;
  std::vector<std::string> words = {kProgram, "records", "--origin", source.origin, "--", source.path};
  std::vector<char*> argv;
  argv.reserve(words.size() + 1);
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  const int failed = posix_spawn(&child_, program.c_str(), &actions.value, &attributes.value, argv.data(), environ);
  if (failed != 0) return child_ = -1, Error{program + ": " + std::strerror(failed)};
  output_ = fcntl(lines.output.get(), F_DUPFD_CLOEXEC, 0);
  return success();
}

std::FILE* RecordsProcess::open_output() {
  auto input = std::make_unique<Descriptor>(std::exchange(output_, -1));
  std::FILE* const file = fopencookie(input.get(), "r", {read_unless_given_up, nullptr, nullptr, close_input});
  if (file != nullptr) (void)input.release();
  return file;
}

bool RecordsProcess::ended_well() {
  int ended = 1;
  if (child_ < 0) return false;
  while (waitpid(child_, &ended, 0) < 0 && errno == EINTR) {
  }
  child_ = -1;
  return ended == 0;
}

CompilingGivenUp::CompilingGivenUp() noexcept {
  given_up.store(true, std::memory_order_relaxed);
}
CompilingGivenUp::~CompilingGivenUp() {
  given_up.store(false, std::memory_order_relaxed);
}

Result<ImageMemory> run_compiler(const ZoneSource& source, int text, std::vector<std::string>& warnings) {
  static const std::string program = find_program();
  const auto failed = [&](const std::string& reason) { return Error{source.path + ": " + reason}; };
  if (given_up.load(std::memory_order_relaxed)) return failed("not read, since the server ends");
  if (program.empty()) return failed(std::string(kProgram) + " is not beside this program");
  Compiler compiler(source.path);
  if (const int error = compiler.start(program, source, text); error != 0) {
    return failed(program + ": " + std::strerror(error));
  }
  compiler.receive();
  const int ended = compiler.wait();
  if (!compiler.status) return failed("from " + std::string(kProgram) + ": " + compiler.status.error());
  if (ended != 0) {
    const std::vector<std::string> errors = lines_of(compiler.said, "error: ");
    return errors.empty() ? failed(why_not(ended)) : Error{errors.front()};
  }
  Result<ImageMemory> image = compiler.input.take();
  if (!image) return failed("from " + std::string(kProgram) + ": " + image.error());
  for (std::string& line : lines_of(compiler.said, "warning: ")) warnings.push_back(std::move(line));
  return image;
}

}  // namespace gl::zone
