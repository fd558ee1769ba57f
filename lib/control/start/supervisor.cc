#include "lib/control/start/supervisor.h"

#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <utility>

#include "lib/base/clock.h"
#include "lib/control/log.h"
#include "lib/control/telemetry/backend_totals.h"

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
  return unix_seconds();
}

std::uint64_t monotonic_seconds() {
  return monotonic_ms() / 1000;
}

void Supervisor::run() {
  constexpr int kTickMs = 100;
  for (;;) {
    pollfd descriptor{signals_, POLLIN, 0};
    if (poll(&descriptor, 1, kTickMs) > 0) on_signal();
    keys_.tick(unix_time());
    finish_reload();
    if (transfers_.begin_update(zones_)) updating_ = true;
    zones_.tick(monotonic_seconds());
    for (const auto& module : modules_) {
      if (module->enabled()) module->tick(monotonic_seconds() * 1000, {say, warn});
    }
    tell_manager();
    if (end_at_ && monotonic_seconds() >= *end_at_) return;
    report_conflicts();
    report_links();
    report_backends();
  }
}

void Supervisor::on_signal() {
  signalfd_siginfo info{};
  while (read(signals_, &info, sizeof info) == static_cast<ssize_t>(sizeof info)) {
    if (info.ssi_signo == SIGHUP) {
      reload();
    } else {
      end(info.ssi_signo == SIGINT ? "SIGINT" : "SIGTERM");
    }
  }
}

void Supervisor::end(const std::string& why) {
  if (drain_seconds_ == 0 || end_at_) {
    say("ending on " + why);
    manager_.stopping("ending on " + why);
    end_at_ = 0;
    return;
  }
  say("ending in " + std::to_string(drain_seconds_) + " s on " + why + ", or at a second one");
  manager_.stopping("ending in " + std::to_string(drain_seconds_) + " s on " + why);
  end_at_ = monotonic_seconds() + drain_seconds_ + 1;  // this one has begun
  draining_.store(true, std::memory_order_relaxed);
  for (const auto& module : modules_) {
    if (module->enabled()) module->drain();
  }
}

void Supervisor::reload() {
  if (!std::exchange(reloading_, true)) manager_.reloading();
  if (Status status = keys_.reload(); status) {
    say("secrets read again");
  } else {
    complain("keeping the old secrets: " + status.error());
  }
  transfers_.reload();
  for (const auto& module : modules_) {
    if (module->enabled()) module->reload();
  }
  if (zones_.list().empty()) return;
  if (!zones_.begin_reload()) reload_again_ = true;
}

// Of those that were transferred it was told where they came from.
void Supervisor::report(const zone::ReloadedZone& zone) const {
  using End = zone::ReloadedZone::End;
  for (const std::string& warning : zone.warnings) warn(warning);
  char seconds[32];
  std::snprintf(seconds, sizeof seconds, "%.1f s", zone.seconds);
  if (zone.end == End::refused) {
    complain("zone " + zone.origin + " stays as it was, with serial " + std::to_string(zone.before) + ": " +
             zone.error);
  } else if (zone.end == End::changed && !updating_) {
    say("zone " + zone.origin + ": serial " + std::to_string(zone.before) + " -> " + std::to_string(zone.serial) +
        ", " + counted(zone.records, "record") + ", " + seconds);
  }
}

void Supervisor::finish_reload() {
  using End = zone::ReloadedZone::End;
  const auto zones = zones_.finish_reload(monotonic_seconds());
  if (!zones) return;
  for (const zone::ReloadedZone& zone : *zones) report(zone);
  transfers_.served(zones_);
  const bool update = std::exchange(updating_, false);
  if (std::exchange(reload_again_, false)) (void)zones_.begin_reload();
  if (update) return;
  const auto changed = std::ranges::count(*zones, End::changed, &zone::ReloadedZone::end);
  const auto refused = std::ranges::count(*zones, End::refused, &zone::ReloadedZone::end);
  say("zones loaded again: " + std::to_string(changed) + " changed, " + std::to_string(refused) + " refused, " +
      std::to_string(std::ssize(*zones) - changed - refused) + " as before");
}

// That a reload is over, everything that it began, and that all cores are alive.
void Supervisor::tell_manager() {
  if (reloading_) {
    reloading_ = zones_.reloading() || reload_again_ || std::ranges::any_of(modules_, [](const auto& module) {
                   return module->enabled() && module->reloading();
                 });
    if (!reloading_ && !end_at_) manager_.reloaded();
  }
  if (!manager_.watches()) return;
  std::vector<std::uint64_t> rounds;
  for (const auto& context : workers_.contexts()) rounds.push_back(context->load.rounds());
  manager_.tick(std::move(rounds));
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
      say(what + " is up");
    } else {
      warn(what + " is down");
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
    up ? say("backend " + settings.backends[i].name + " is up")
       : warn("backend " + settings.backends[i].name + " is down");
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
