#include "lib/control/transfers/secondaries.h"

#include <sodium.h>
#include <unistd.h>

#include <filesystem>
#include <utility>

#include "lib/base/clock.h"
#include "lib/control/log.h"
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
  std::error_code error;
  std::filesystem::create_directories(settings_.state_folder, error);
  if (error || access(settings_.state_folder.c_str(), W_OK) != 0) {
    return Error{"--state-dir: " + settings_.state_folder + ": " + (error ? error.message() : "cannot be written to")};
  }
  transfer::remove_interrupted(settings_.state_folder);
  const Lock lock(mutex_);
  std::vector<Entry> all;
  for (const auto& [zone, entry] : entries_) {
    if (others_.contains(zone)) return Error{"the zone " + entry->name + " is given by --zone and by --secondary"};
    all.push_back(entry);
  }
  for (const Entry& entry : all) open_kept(entry);
  for (const Entry& entry : all) {
    if (entry->is_catalog && entry->kept) read_members(entry);
  }
  return success();
}

zone::ZoneSource Secondaries::source_of(const Secondary& entry, const std::string& path) const {
  return {path, entry.name, digests_, true};
}

// What is on disk, where it has not expired; the zone then has its place all the same.
void Secondaries::open_kept(const Entry& entry) {
  entry->kept = transfer::read_kept(entry->path);
  if (entry->is_expired(unix_seconds())) {
    warn("zone " + entry->name + ": what is kept of it, serial " + std::to_string(entry->kept->soa.serial) +
             ", has expired",
         {{"zone", entry->name}});
    entry->kept.reset();
    entry->expired = true;
  }
  std::vector<std::string> warnings;
  if (entry->kept) {
    auto zone = zone::load_zone(source_of(*entry, entry->path), warnings);
    if (zone) return place(entry, std::move(*zone));
    warn("what is kept of zone " + entry->name + " cannot be served: " + zone.error(), {{"zone", entry->name}});
    entry->kept.reset();
  }
  auto none = zone::make_unavailable(source_of(*entry, entry->path));
  if (none) place(entry, std::move(*none));
}

void Secondaries::place(const Entry& entry, std::unique_ptr<zone::Zone> zone) {
  if (entry->is_catalog) return;  // the list of an operator's zones is nobody else's concern
  zone->path = entry->path;
  updates_.push_back({source_of(*entry, entry->path), std::move(zone)});
}

void Secondaries::start() {
  if (entries_.empty()) return;
  for (unsigned i = 0; i < kThreads; ++i) threads_.emplace_back([this] { work(); });
}

std::vector<ZoneUpdate> Secondaries::take_updates() {
  const Lock lock(mutex_);
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
      entry->is_expired(unix_seconds()) ? expire(entry, lock) : look(entry, lock);
      entry->busy = false;
    } else {
      wake_.wait_for(lock, kLookAgain);
    }
  }
}

Secondaries::Entry Secondaries::next_due() {
  const auto now = std::chrono::steady_clock::now();
  const std::uint64_t time = unix_seconds();
  Entry found;
  for (const auto& [zone, entry] : entries_) {
    if (entry->busy) continue;
    if (entry->is_expired(time)) return entry;
    if (entry->due <= now && (found == nullptr || entry->due < found->due)) found = entry;
  }
  return found;
}

void Secondaries::expire(const Entry& entry, Lock& lock) {
  complain("zone " + entry->name + " has expired: no primary has confirmed serial " +
               std::to_string(entry->kept->soa.serial) + " for " + std::to_string(entry->kept->soa.expire) +
               " s; it is answered with SERVFAIL from now on",
           {{"zone", entry->name}});
  const zone::ZoneSource source = source_of(*entry, entry->path);
  lock.unlock();
  auto none = zone::make_unavailable(source);
  lock.lock();
  entry->kept.reset();
  entry->expired = true;
  if (none && !entry->gone) place(entry, std::move(*none));
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
  lock.unlock();
  transfer::Refreshed result = transfer::refresh(task, stop_);
  std::unique_ptr<zone::Zone> zone;
  if (result.end == transfer::Refreshed::End::fetched) {
    if (Status taken = take_in(copy, result, zone); !taken) {
      result.error = result.from + ": " + result.how + ": " + taken.error();
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
  settle(entry, result, std::move(zone));
  entry->due = entry->asked_again ? std::chrono::steady_clock::time_point{}
                                  : std::chrono::steady_clock::now() + spread(entry->interval());
}

// What was fetched is checked as any zone.
Status Secondaries::take_in(const Secondary& entry, transfer::Refreshed& fetched,
                            std::unique_ptr<zone::Zone>& zone) const {
  std::vector<std::string> warnings;
  auto loaded = zone::load_zone(source_of(entry, fetched.zone->aside()), warnings);
  if (!loaded) return Error{loaded.error()};
  for (const std::string& warning : warnings) warn(warning, {{"zone", entry.name}});
  if (entry.is_catalog) {
    auto members = transfer::read_catalog(fetched.zone->aside(), entry.zone);
    if (!members) return Error{"the catalog is broken: " + members.error()};
  }
  zone = std::move(*loaded);
  return success();
}

void Secondaries::settle(const Entry& entry, transfer::Refreshed& result, std::unique_ptr<zone::Zone> zone) {
  using End = transfer::Refreshed::End;
  if (result.end == End::failed) return note_failure(*entry, result.error);
  entry->failing.clear();
  entry->failures_in_a_row = 0;
  entry->primary = result.from;
  if (result.end == End::current) {
    if (Status status = transfer::confirm_kept(entry->path); !status) warn(status.error());
    if (entry->kept) entry->kept->confirmed_at = unix_seconds();
    return;
  }
  say("zone " + entry->name + ": serial " + (entry->kept ? std::to_string(entry->kept->soa.serial) + " -> " : "") +
          std::to_string(result.soa.serial) + " from " + result.from + ": " + result.how,
      {{"zone", entry->name}, {"serial", result.soa.serial}, {"peer", result.from}});
  ++entry->transfers;
  entry->expired = false;
  entry->kept = transfer::Kept{result.soa, unix_seconds()};
  place(entry, std::move(zone));
  if (entry->is_catalog) read_members(entry);
}

// Told once, until it is another reason or all is well.
void Secondaries::note_failure(Secondary& entry, const std::string& reason) {
  ++entry.failures;
  ++entry.failures_in_a_row;
  if (std::exchange(entry.failing, reason) == reason) return;
  const std::string state = entry.kept      ? " stays as it was, with serial " + std::to_string(entry.kept->soa.serial)
                            : entry.expired ? " has expired, and nothing newer is to be had"
                                            : " is not there yet";
  complain("zone " + entry.name + state + ": " + reason, {{"zone", entry.name}});
}

}  // namespace gl::control
