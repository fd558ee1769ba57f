#include "lib/control/transfers/secondaries.h"

#include <sodium.h>

#include <csignal>
#include <utility>

#include "lib/base/clock.h"
#include "lib/control/log.h"
#include "lib/control/transfers/state_folder.h"
#include "lib/zone/name_text.h"
#include "lib/zone/zone_data.h"

namespace gl::control {
namespace {

using std::chrono::milliseconds;
constexpr unsigned kThreads = 4;
constexpr milliseconds kLookAgain{200};

// Up to a tenth earlier, so that zones of one primary do not stay in step.
milliseconds spread(std::chrono::seconds interval) {
  const auto whole = std::chrono::duration_cast<milliseconds>(interval).count();
  const auto tenth = static_cast<std::uint32_t>(std::min<std::int64_t>(whole / 10, INT32_MAX));
  return milliseconds(whole - (tenth == 0 ? 0 : randombytes_uniform(tenth)));
}

// SIGTERM and SIGINT are blocked, and stay pending until the supervisor takes them (start/supervisor.h).
bool end_is_pending() {
  sigset_t pending;
  return sigpending(&pending) == 0 && (sigismember(&pending, SIGTERM) == 1 || sigismember(&pending, SIGINT) == 1);
}

}  // namespace

Secondaries::Secondaries(const transfer::TransferSettings& settings, zone::ZoneDigests digests,
                         const TransferKeys& keys, const transfer::Stop& stop)
    : settings_(settings), digests_(digests), keys_(keys), stop_(stop) {
  for (const transfer::SecondarySetting& setting : settings_.secondaries) {
    auto entry = std::make_shared<Secondary>();
    entry->zone = setting.zone;
    entry->name = zone::to_text(setting.zone);
    entry->path = transfer::kept_path(settings_.state_folder, setting.zone);
    entry->primaries = setting.primaries;
    entry->is_catalog = setting.catalog;
    entries_.emplace(setting.zone, std::move(entry));
  }
}

Secondaries::~Secondaries() {
  join();
}

void Secondaries::join() {
  wake_.notify_all();
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
}

Status Secondaries::begin(std::set<std::string> others) {
  if (entries_.empty()) return success();
  others_ = std::move(others);
  if (Status status = make_state_folder(settings_.state_folder); !status) return status;
  transfer::remove_interrupted(settings_.state_folder);
  Lock lock(mutex_);
  for (const auto& [zone, entry] : entries_) {
    if (others_.contains(zone)) return Error{given_twice(entry->name)};
  }
  const auto open_all = [&] {
    for (const auto& [zone, entry] : entries_) {
      if (end_is_pending()) return;  // a program for each zone: the process is to end before them all
      if (!entry->opened) settle_opened(entry, open_kept(*entry));
    }
  };
  for (const auto& [zone, entry] : entries_) place_unavailable(entry);
  open_all();
  for (const transfer::SecondarySetting& setting : settings_.secondaries) {
    const Entry entry = entries_.at(setting.zone);
    if (!entry->is_catalog || !entry->kept) continue;
    auto members = transfer::read_catalog(entry->path, entry->zone);
    members ? take_members(entry, std::move(*members), lock)
            : complain("catalog " + entry->name + ": " + members.error(), {{"zone", entry->name}});
  }
  open_all();
  tell(std::exchange(lines_, {}));
  for (const auto& [zone, entry] : entries_) queue_.put(entry, {});
  return success();
}

zone::ZoneSource Secondaries::source_of(const Secondary& entry, const std::string& path) const {
  return {path, entry.name, digests_, true};
}

// What is on disk, where it has not expired. It is read by a program, so the lock is not held while others work.
Secondaries::Opened Secondaries::open_kept(const Secondary& entry) const {
  Opened opened;
  const auto kept = transfer::read_kept(entry.path);
  if (!kept) return opened;
  if (unix_seconds() >= kept->expires_at()) {
    warn("zone " + entry.name + ": what is kept of it, serial " + std::to_string(kept->soa.serial) + ", has expired",
         {{"zone", entry.name}});
    opened.expired = true;
    return opened;
  }
  std::vector<std::string> warnings;
  auto zone = zone::load_zone(source_of(entry, entry.path), warnings);
  if (zone) {
    opened.kept = kept;
    opened.zone = std::move(*zone);
  } else if (!stop_) {
    warn("what is kept of zone " + entry.name + " cannot be served: " + zone.error(), {{"zone", entry.name}});
  }
  return opened;
}

void Secondaries::settle_opened(const Entry& entry, Opened opened) {
  entry->opened = true;
  entry->kept = opened.kept;
  entry->expired = opened.expired;
  if (opened.zone != nullptr) place(entry, std::move(opened.zone));
}

void Secondaries::place(const Entry& entry, std::unique_ptr<zone::Zone> zone) {
  if (entry->is_catalog) return;  // the list of an operator's zones is nobody else's concern
  zone->path = entry->path;
  const std::lock_guard lock(updates_mutex_);
  updates_.push_back({source_of(*entry, entry->path), std::move(zone)});
}

void Secondaries::place_unavailable(const Entry& entry) {
  auto none = zone::make_unavailable(source_of(*entry, entry->path));
  if (none) place(entry, std::move(*none));
}

void Secondaries::start() {
  if (entries_.empty()) return;
  for (unsigned i = 0; i < kThreads; ++i) threads_.emplace_back([this] { work(); });
}

std::vector<ZoneUpdate> Secondaries::take_updates() {
  const std::lock_guard lock(updates_mutex_);
  return std::exchange(updates_, {});
}

std::vector<Secondary> Secondaries::list() const {
  const Lock lock(mutex_);
  std::vector<Secondary> all;
  for (const auto& [zone, entry] : entries_) all.push_back(*entry);
  return all;
}

void Secondaries::work() {
  Lock lock(mutex_);
  while (!stop_) {
    if (const Entry entry = next_due()) {
      entry->busy = true;
      work_for(entry, lock);
      entry->busy = false;
      if (!entry->gone) queue_.put(entry, entry->due);
    } else {
      wake_.wait_until(lock, queue_.next(std::chrono::steady_clock::now() + kLookAgain));
    }
  }
}

// What has expired is due at once.
Secondaries::Entry Secondaries::next_due() {
  const std::uint64_t time = unix_seconds();
  if (std::exchange(expiry_looked_at_, time) != time) {
    for (const auto& [zone, entry] : entries_) {
      if (!entry->busy && entry->is_expired(time)) queue_.put(entry, {});
    }
  }
  return queue_.take(std::chrono::steady_clock::now());
}

void Secondaries::work_for(const Entry& entry, Lock& lock) {
  if (!entry->opened) {
    const Secondary copy = *entry;
    lock.unlock();
    Opened opened = open_kept(copy);
    lock.lock();
    if (entry->gone || stop_) return;
    settle_opened(entry, std::move(opened));
  }
  entry->is_expired(unix_seconds()) ? expire(entry) : look(entry, lock);
  if (lines_.empty()) return;
  const std::vector<Line> lines = std::exchange(lines_, {});
  lock.unlock();
  tell(lines);
  lock.lock();
}

void Secondaries::expire(const Entry& entry) {
  tell_later(complain,
             "zone " + entry->name + " has expired: no primary has confirmed serial " +
                 std::to_string(entry->kept->soa.serial) + " for " + std::to_string(entry->kept->soa.expire) +
                 " s; it is answered with SERVFAIL from now on",
             {{"zone", entry->name}});
  entry->kept.reset();
  entry->expired = true;
  place_unavailable(entry);
}

void Secondaries::tell_later(Level level, std::string text, LogFields about, LogPlace place) {
  lines_.push_back({level, std::move(text), std::move(about), place});
}

// At the end of the program nobody waits for a hundred thousand of them.
void Secondaries::tell(const std::vector<Line>& lines) const {
  for (const Line& line : lines) {
    if (stop_) return;
    line.level(line.text, line.about, line.place);
  }
}

transfer::RefreshTask Secondaries::task_of(const Secondary& entry) const {
  transfer::RefreshTask task;
  task.zone = entry.zone;
  task.primaries = entry.primaries;
  task.keys = keys_.get();
  task.path = entry.path;
  if (entry.kept) task.held = entry.kept->soa.serial;
  task.limit = std::uint64_t{settings_.limit_mib} << 20;
  task.most_seconds = settings_.most_seconds;
  return task;
}

// One refresh. The lock is not held while others are waited for.
void Secondaries::look(const Entry& entry, Lock& lock) {
  entry->asked_again = false;
  const transfer::RefreshTask task = task_of(*entry);
  const Secondary copy = *entry;
  entry->began = std::chrono::steady_clock::now();
  lock.unlock();
  transfer::Refreshed result = transfer::refresh(task, stop_);
  Taken taken;
  if (result.end == transfer::Refreshed::End::fetched) {
    if (Status status = take_in(copy, result, taken); !status) {
      result.error = result.from + ": " + result.how + ": " + status.error();
      result.end = transfer::Refreshed::End::failed;
    }
  }
  lock.lock();
  if (entry->gone || stop_) return;
  // Under the lock, so that nothing is kept of a zone that has gone meanwhile.
  if (result.end == transfer::Refreshed::End::fetched) {
    if (Status kept = result.zone->commit(); !kept) {
      result.error = kept.error();
      result.end = transfer::Refreshed::End::failed;
    }
  }
  settle(entry, result, std::move(taken), lock);
  entry->due = entry->asked_again ? entry->soonest() : std::chrono::steady_clock::now() + spread(entry->interval());
  if (result.end != transfer::Refreshed::End::fetched) return;
  lock.unlock();
  if (Status status = result.zone->flush_folder(); !status) warn(status.error());
  lock.lock();
}

// What was fetched is checked as any zone.
Status Secondaries::take_in(const Secondary& entry, transfer::Refreshed& fetched, Taken& taken) const {
  std::vector<std::string> warnings;
  auto loaded = zone::load_zone(source_of(entry, fetched.zone->aside()), warnings);
  if (!loaded) return Error{loaded.error()};
  for (const std::string& warning : warnings) warn(warning, {{"zone", entry.name}});
  if (entry.is_catalog) {
    auto members = transfer::read_catalog(fetched.zone->aside(), entry.zone);
    if (!members) return Error{"the catalog is broken: " + members.error()};
    taken.members = std::move(*members);
  }
  taken.zone = std::move(*loaded);
  return success();
}

void Secondaries::settle(const Entry& entry, transfer::Refreshed& result, Taken taken, Lock& lock) {
  using End = transfer::Refreshed::End;
  if (result.end == End::failed) return note_failure(*entry, result.error);
  entry->failing.clear();
  entry->failures_in_a_row = 0;
  entry->primary = result.from;
  if (result.end == End::current) {
    if (Status status = transfer::confirm_kept(entry->path); !status)
      tell_later(warn, status.error(), {{"zone", entry->name}});
    if (entry->kept) entry->kept->confirmed_at = unix_seconds();
    return;
  }
  tell_later(say,
             "zone " + entry->name + ": serial " +
                 (entry->kept ? std::to_string(entry->kept->soa.serial) + " -> " : "") +
                 std::to_string(result.soa.serial) + " from " + result.from + ": " + result.how,
             {{"zone", entry->name}, {"serial", result.soa.serial}, {"peer", result.from}});
  ++entry->transfers;
  entry->expired = false;
  entry->kept = transfer::Kept{result.soa, unix_seconds()};
  place(entry, std::move(taken.zone));
  if (entry->is_catalog) take_members(entry, std::move(taken.members), lock);
}

// Told once, until it is another reason or all is well.
void Secondaries::note_failure(Secondary& entry, const std::string& reason) {
  ++entry.failures;
  ++entry.failures_in_a_row;
  if (std::exchange(entry.failing, reason) == reason) return;
  const std::string state = entry.kept      ? " stays as it was, with serial " + std::to_string(entry.kept->soa.serial)
                            : entry.expired ? " has expired, and nothing newer is to be had"
                                            : " is not there yet";
  tell_later(complain, "zone " + entry.name + state + ": " + reason, {{"zone", entry.name}});
}

}  // namespace gl::control
