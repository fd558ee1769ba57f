#include "lib/control/start/supervisor.h"

#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>

#include "lib/control/log.h"

namespace gl::control {

Result<int> block_signals() {
  sigset_t set;
  sigemptyset(&set);
  for (const int number : {SIGINT, SIGTERM, SIGHUP}) sigaddset(&set, number);
  if (pthread_sigmask(SIG_BLOCK, &set, nullptr) != 0) return Error{"cannot block signals"};
  const int descriptor = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
  if (descriptor < 0) return Error{std::string("signalfd: ") + std::strerror(errno)};
  return descriptor;
}

std::uint64_t unix_time() {
  using namespace std::chrono;
  return static_cast<std::uint64_t>(duration_cast<seconds>(system_clock::now().time_since_epoch()).count());
}

std::uint64_t monotonic_seconds() {
  using namespace std::chrono;
  return static_cast<std::uint64_t>(duration_cast<seconds>(steady_clock::now().time_since_epoch()).count());
}

void Supervisor::run() {
  constexpr int kTickMs = 100;
  for (;;) {
    pollfd descriptor{signals_, POLLIN, 0};
    if (poll(&descriptor, 1, kTickMs) > 0 && on_signal()) return;
    keys_.tick(unix_time());
    zones_.tick(monotonic_seconds());
    for (const auto& module : modules_) module->tick(monotonic_seconds() * 1000, say);
    report_conflicts();
  }
}

// True where the process is to end.
bool Supervisor::on_signal() {
  signalfd_siginfo info{};
  while (read(signals_, &info, sizeof info) == static_cast<ssize_t>(sizeof info)) {
    if (info.ssi_signo != SIGHUP) {
      say(std::string("ending on ") + (info.ssi_signo == SIGINT ? "SIGINT" : "SIGTERM"));
      return true;
    }
    reload();
  }
  return false;
}

void Supervisor::reload() {
  if (Status status = keys_.reload(); !status) say("keeping the old secrets: " + status.error());
  const std::uint32_t before = zones_.generation();
  auto warnings = zones_.load(monotonic_seconds());
  if (!warnings) {
    say("keeping the old zones: " + warnings.error());
    return;
  }
  for (const std::string& warning : *warnings) say("warning: " + warning);
  say(zones_.generation() == before ? "zones loaded again: no answer has changed" : "zones loaded again");
}

void Supervisor::report_conflicts() {
  using datapath::Verdict;
  std::uint64_t conflicts = 0;
  for (const auto& context : workers_.contexts()) {
    for (const Verdict verdict : {Verdict::drop_arp_conflict, Verdict::drop_ndp_conflict}) {
      conflicts += context->counters.verdicts[datapath::index(verdict)].value();
    }
  }
  constexpr std::uint64_t kReportSeconds = 10;  // a host that keeps claiming does not fill the log
  const std::uint64_t now = monotonic_seconds();
  if (conflicts == conflicts_ || now < next_report_) return;
  say("another host on the link claims one of our addresses (" + std::to_string(conflicts) + " frames so far)");
  conflicts_ = conflicts;
  next_report_ = now + kReportSeconds;
}

}  // namespace gl::control
