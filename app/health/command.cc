#include "app/health/command.h"

#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstring>
#include <thread>

#include "lib/base/clock.h"

namespace gl::health {
namespace {

constexpr std::chrono::milliseconds kLook{5};

// A group of its own, and no signal blocked: we block those that we wait for.
int start(const std::string& command, pid_t& child) {
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  sigset_t none;
  sigemptyset(&none);
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setpgroup(&attributes, 0);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETPGROUP);
  std::string shell = "sh";
  std::string flag = "-c";
  std::string text = command;
  char* const words[] = {shell.data(), flag.data(), text.data(), nullptr};
  const int failed = posix_spawn(&child, "/bin/sh", nullptr, &attributes, words, environ);
  posix_spawnattr_destroy(&attributes);
  return failed;
}

}  // namespace

Status run_command(const std::string& command, std::uint32_t limit_ms) {
  pid_t child = 0;
  if (const int failed = start(command, child); failed != 0) return Error{command + ": " + std::strerror(failed)};
  const std::uint64_t end = monotonic_ms() + limit_ms;
  int status = 0;
  while (waitpid(child, &status, WNOHANG) == 0) {
    if (monotonic_ms() >= end) {
      kill(-child, SIGKILL);
      waitpid(child, &status, 0);
      return Error{command + ": not done within " + std::to_string(limit_ms) + " ms"};
    }
    std::this_thread::sleep_for(kLook);
  }
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return success();
  return Error{command + (WIFEXITED(status) ? ": exit code " + std::to_string(WEXITSTATUS(status)) : ": killed")};
}

}  // namespace gl::health
