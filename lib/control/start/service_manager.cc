#include "lib/control/start/service_manager.h"

#include <systemd/sd-daemon.h>

#include <cstring>
#include <ctime>
#include <utility>

#include "lib/control/log.h"

namespace gl::control {
namespace {

// Of the clock that the protocol names.
std::uint64_t monotonic_us() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<std::uint64_t>(now.tv_sec) * 1'000'000 + static_cast<std::uint64_t>(now.tv_nsec) / 1000;
}

// From $WATCHDOG_USEC and $WATCHDOG_PID.
std::uint64_t watchdog_limit() {
  std::uint64_t limit = 0;
  const int found = sd_watchdog_enabled(0, &limit);
  if (found < 0) warn(std::string("$WATCHDOG_USEC: ") + std::strerror(-found));
  return found > 0 ? limit : 0;
}

}  // namespace

ServiceManager::ServiceManager() : watchdog_(watchdog_limit()) {}

void ServiceManager::starting(const std::string& status) {
  tell("STATUS=" + status);
}

void ServiceManager::serving(const std::string& status) {
  serving_ = status;
  tell("READY=1\nSTATUS=" + serving_);
}

void ServiceManager::reloading() {
  tell("RELOADING=1\nMONOTONIC_USEC=" + std::to_string(monotonic_us()) + "\nSTATUS=reading zones and files again; " +
       serving_);
}

void ServiceManager::reloaded() {
  serving(serving_);
}

void ServiceManager::stopping(const std::string& status) {
  tell("STOPPING=1\nSTATUS=" + status);
}

void ServiceManager::tick(std::vector<std::uint64_t> rounds) {
  if (watchdog_.due(monotonic_us(), std::move(rounds))) tell("WATCHDOG=1");
}

void ServiceManager::tell(const std::string& state) {
  const int sent = sd_notify(0, state.c_str());
  if (sent >= 0 || std::exchange(unheard_, true)) return;
  warn(std::string("the service manager at $NOTIFY_SOCKET is not told: ") + std::strerror(-sent));
}

}  // namespace gl::control
