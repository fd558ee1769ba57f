#include "lib/control/start/supervisor.h"

#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <span>

#include "lib/base/clock.h"
#include "lib/control/log.h"
#include "lib/control/telemetry/backend_totals.h"

namespace gl::control {

namespace {

OperatorLog log_of(const ServiceModule& module) {
  const std::string service(module.name());
  return {[service](const std::string& line) {
            say(line, {{"service", service}});
          },
          [service](const std::string& line) {
            warn(line, {{"service", service}});
          }};
}

}  // namespace

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
  return unix_seconds();
}

std::uint64_t monotonic_seconds() {
  return monotonic_ms() / 1000;
}

Status Supervisor::run(ControlSocket* control) {
  for (;;) {
    wait(control);
    if (const std::string device = network_.removed_device(); !device.empty()) {
      return Error{"the device " + device + " was taken away: unplugged, or unbound from its driver"};
    }
    report_links();  // right behind: some drivers wait long for a device that is no longer there
    keys_.tick(unix_time());
    zones_.tick(monotonic_seconds());
    for (const auto& module : modules_) {
      if (module->enabled()) module->tick(monotonic_seconds() * 1000, log_of(*module));
    }
    tick_log();
    finish_reload();
    if (transfers_.begin_update(zones_)) updating_ = true;
    tell_manager();
    end_drain_in_time();
    if (end_at_ && monotonic_seconds() >= *end_at_) return success();
    report_conflicts();
    report_backends();
  }
}

// For a signal, for a client of the control socket, or for the next tick.
void Supervisor::wait(ControlSocket* control) {
  constexpr int kTickMs = 100;
  std::vector<pollfd> polled = {{signals_, POLLIN, 0}};
  if (control != nullptr) control->add_polled(polled, monotonic_ms());
  (void)poll(polled.data(), polled.size(), kTickMs);
  if (polled.front().revents != 0) on_signal();
  if (control != nullptr) control->serve(std::span(polled).subspan(1), monotonic_ms());
}

void Supervisor::on_signal() {
  signalfd_siginfo info{};
  while (read(signals_, &info, sizeof info) == static_cast<ssize_t>(sizeof info)) {
    if (info.ssi_signo == SIGHUP) {
      (void)begin_reload();
    } else {
      end(info.ssi_signo == SIGINT ? "SIGINT" : "SIGTERM", drain_seconds_);
    }
  }
}

// One line when a port's link goes, and one when it comes back.
void Supervisor::report_links() {
  const auto& ports = network_.ports();
  links_.resize(ports.size(), true);
  for (std::size_t i = 0; i < ports.size(); ++i) {
    const bool up = ports[i].link_up();
    if (up == links_[i]) continue;
    links_[i] = up;
    const std::string what = "the link of port " + ports[i].name();
    if (up) {
      note(what + " is up", {{"port", ports[i].name()}});
    } else {
      warn(what + " is down", {{"port", ports[i].name()}});
    }
  }
}

// Likewise of backends: up is what some core sees up.
void Supervisor::report_backends() {
  const Forwarders forwarders = forwarders_of(workers_);
  if (forwarders.empty()) return;
  const auto& settings = forwarders.front()->settings();
  backends_.resize(settings.backends.size(), true);
  for (unsigned i = 0; i < settings.backends.size(); ++i) {
    const bool up = cores_up(forwarders, i) != 0;
    if (up == backends_[i]) continue;
    backends_[i] = up;
    const std::string& name = settings.backends[i].name;
    up ? note("backend " + name + " is up", {{"backend", name}})
       : warn("backend " + name + " is down", {{"backend", name}});
  }
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
  warn("another host on the link claims one of our addresses (" + std::to_string(conflicts) + " frames so far)");
  conflicts_ = conflicts;
  next_report_ = now + kReportSeconds;
}

}  // namespace gl::control
