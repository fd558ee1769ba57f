// What the supervisor is asked to do, by signals and by the control socket: to drain, to end, to read again.
#include <algorithm>
#include <cstdio>
#include <utility>

#include "lib/control/log.h"
#include "lib/control/start/supervisor.h"

namespace gl::control {

Operations::State Supervisor::state() const {
  if (end_at_) return State::ending;
  return draining_.load(std::memory_order_relaxed) ? State::draining : State::serving;
}

void Supervisor::set_draining(bool on) {
  draining_.store(on, std::memory_order_relaxed);
  undrain_at_.reset();
  for (const auto& module : modules_) {
    if (module->enabled()) module->drain(on);
  }
}

void Supervisor::end(const std::string& why, std::uint32_t seconds) {
  if (seconds == 0 || end_at_) {
    note("ending on " + why);
    manager_.stopping("ending on " + why);
    end_at_ = 0;
    return;
  }
  note("ending in " + std::to_string(seconds) + " s on " + why + ", or at a second one");
  manager_.stopping("ending in " + std::to_string(seconds) + " s on " + why);
  end_at_ = monotonic_seconds() + seconds + 1;  // this one has begun
  set_draining(true);
}

void Supervisor::stop(std::optional<std::uint32_t> seconds) {
  end("goldilocks-ctl", seconds.value_or(drain_seconds_));
}

Status Supervisor::drain(std::optional<std::uint32_t> seconds) {
  if (end_at_) return Error{"it is ending, and drains until then"};
  set_draining(true);
  if (seconds) undrain_at_ = monotonic_seconds() + *seconds + 1;
  note("draining on goldilocks-ctl" + (seconds ? " for " + std::to_string(*seconds) + " s" : std::string()));
  return success();
}

Status Supervisor::undrain() {
  if (end_at_) return Error{"it is ending"};
  if (state() == State::serving) return success();
  set_draining(false);
  note("draining no more");
  return success();
}

void Supervisor::end_drain_in_time() {
  if (undrain_at_ && monotonic_seconds() >= *undrain_at_) (void)undrain();
}

std::uint64_t Supervisor::begin_reload() {
  const bool reading = zones_.is_reading();
  if (!std::exchange(told_reloading_, true)) manager_.reloading();
  secrets_error_.clear();
  if (Status status = keys_.reload(); status) {
    say("secrets read again");
  } else {
    secrets_error_ = "keeping the old secrets: " + status.error();
    complain(secrets_error_);
  }
  transfers_.reload();
  for (const auto& module : modules_) {
    if (module->enabled()) module->reload();
  }
  if (reading) {
    reload_again_ = true;
    return reloads_begun_ + 1;
  }
  start_report();
  if (!zones_.list().empty()) (void)zones_.begin_reload();
  return reloads_begun_;
}

void Supervisor::start_report() {
  ++reloads_begun_;
  report_ = {};
  if (!secrets_error_.empty()) report_.errors.push_back(secrets_error_);
}

Result<std::uint64_t> Supervisor::begin_reload_of(const std::string& zone) {
  if (Status status = zones_.begin_reload_of(zone); !status) return Error{status.error()};
  secrets_error_.clear();
  start_report();
  return reloads_begun_;
}

bool Supervisor::is_reloading() const {
  return zones_.is_reading() ||
         std::ranges::any_of(modules_, [](const auto& module) { return module->enabled() && module->reloading(); });
}

std::optional<ReloadReport> Supervisor::ended_reload(std::uint64_t number) const {
  if (reloads_ended_ < number) return std::nullopt;
  return report_;
}

void Supervisor::finish_reload() {
  if (const auto zones = zones_.finish_reload(monotonic_seconds())) {
    std::exchange(updating_, false) ? report_update(*zones) : report_zones(*zones);
    transfers_.served(zones_);
    if (std::exchange(reload_again_, false) && zones_.begin_reload()) start_report();
  }
  if (!is_reloading()) reloads_ended_ = reloads_begun_;
}

// That a reload is over, everything that it began, and that all cores are alive.
void Supervisor::tell_manager() {
  if (told_reloading_) {
    told_reloading_ = is_reloading() || reload_again_;
    if (!told_reloading_ && !end_at_) manager_.reloaded();
  }
  if (!manager_.watches()) return;
  std::vector<std::uint64_t> rounds;
  for (const auto& context : workers_.contexts()) rounds.push_back(context->load.rounds());
  manager_.tick(std::move(rounds));
}

namespace {

std::string refusal(const zone::ReloadedZone& zone) {
  return "zone " + zone.origin + " stays as it was, with serial " + std::to_string(zone.before) + ": " + zone.error;
}

LogFields about(const zone::ReloadedZone& zone) {
  LogFields fields = {{"zone", zone.origin}, {"file", zone.path}};
  if (zone.end == zone::ReloadedZone::End::changed) {
    fields.emplace_back("serial", zone.serial);
    fields.emplace_back("records", zone.records);
  }
  return fields;
}

}  // namespace

// Of those that were transferred it was told where they came from.
void Supervisor::report_update(const std::vector<zone::ReloadedZone>& zones) const {
  for (const zone::ReloadedZone& zone : zones) {
    for (const std::string& warning : zone.warnings) warn(warning, about(zone));
    if (zone.end == zone::ReloadedZone::End::refused) complain(refusal(zone), about(zone));
  }
}

void Supervisor::report_zones(const std::vector<zone::ReloadedZone>& zones) {
  for (const zone::ReloadedZone& zone : zones) report_zone(zone);
  say("zones loaded again: " + std::to_string(report_.changed) + " changed, " + std::to_string(report_.refused) +
      " refused, " + std::to_string(report_.same) + " as before");
}

void Supervisor::report_zone(const zone::ReloadedZone& zone) {
  using End = zone::ReloadedZone::End;
  for (const std::string& warning : zone.warnings) warn(warning, about(zone));
  char seconds[32];
  std::snprintf(seconds, sizeof seconds, "%.1f s", zone.seconds);
  if (zone.end == End::refused) {
    ++report_.refused;
    report_.errors.push_back(refusal(zone));
    complain(report_.errors.back(), about(zone));
  } else if (zone.end == End::changed) {
    ++report_.changed;
    say("zone " + zone.origin + ": serial " + std::to_string(zone.before) + " -> " + std::to_string(zone.serial) +
            ", " + counted(zone.records, "record") + ", " + seconds,
        about(zone));
  } else {
    if (zone.end == End::same) explain("zone " + zone.origin + ": read again, and as before", about(zone));
    ++report_.same;
  }
}

}  // namespace gl::control
