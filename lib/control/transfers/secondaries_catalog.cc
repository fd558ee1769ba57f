// Members of catalogs: they come, go, and change from one catalog to another.
#include <unistd.h>

#include <chrono>
#include <thread>

#include "lib/control/log.h"
#include "lib/control/transfers/secondaries.h"
#include "lib/zone/name_text.h"
#include "lib/zone/zone_data.h"

namespace gl::control {

namespace {

// After so many that came or went others have their turn.
constexpr unsigned kAtOnce = 500;
constexpr std::chrono::milliseconds kTurn{1};

// Gives the lock away now and then; a mutex that is taken again at once would not let the others in.
class Turns {
 public:
  explicit Turns(std::unique_lock<std::mutex>& lock) : lock_(lock) {}
  void one_more() {
    if (++count_ % kAtOnce != 0) return;
    lock_.unlock();
    std::this_thread::sleep_for(kTurn);
    lock_.lock();
  }

 private:
  std::unique_lock<std::mutex>& lock_;
  unsigned count_ = 0;
};

}  // namespace

void Secondaries::take_members(const Entry& catalog, transfer::Catalog members, Lock& lock) {
  catalogs_[catalog->zone] = std::make_shared<const transfer::Catalog>(std::move(members));
  // One that another catalog has let go may be waited for.
  for (const auto& [zone, list] : catalogs_) adopt(zone, Members(list), lock);
  wake_.notify_all();
}

// Gives up where the catalog has come anew meanwhile: whoever brought that adopts its members.
void Secondaries::adopt(const std::string& catalog, const Members& members, Lock& lock) {
  const Entry from = entries_.at(catalog);
  std::vector<std::string> left;
  for (const auto& [zone, entry] : entries_) {
    if (entry->catalog != catalog) continue;
    const auto member = members->find(zone);
    // Under another id it is another zone of the same name (RFC 9432 section 5.4).
    if (member == members->end() || member->second.id != entry->member_id) left.push_back(zone);
  }
  Turns turns(lock);
  const auto is_over = [&] { return stop_ || catalogs_.at(catalog) != members; };
  for (const std::string& zone : left) {
    if (is_over()) return;
    const auto entry = entries_.find(zone);
    if (entry == entries_.end() || entry->second->catalog != catalog) continue;  // it has moved since
    remove(zone, "it is no longer in catalog " + from->name);
    turns.one_more();
  }
  for (const auto& [zone, member] : *members) {
    if (is_over()) return;
    if (add_member(from, zone, member)) turns.one_more();
  }
}

// Whether its catalog lets it go there (RFC 9432 section 4.4.1).
bool Secondaries::may_move(const Secondary& entry, const std::string& to) const {
  const auto catalog = catalogs_.find(entry.catalog);
  if (catalog == catalogs_.end()) return false;
  const auto member = catalog->second->find(entry.zone);
  return member != catalog->second->end() && member->second.coo == to;
}

// True: it is new.
bool Secondaries::add_member(const Entry& catalog, const std::string& zone, const transfer::CatalogMember& member) {
  const auto found = entries_.find(zone);
  if (found != entries_.end() && found->second->catalog == catalog->zone) return false;
  const bool moves = found != entries_.end() && may_move(*found->second, catalog->zone);
  if ((found != entries_.end() && !moves) || others_.contains(zone)) {
    if (conflicts_.insert(catalog->zone + zone).second) {
      tell_later(
          warn,
          "catalog " + catalog->name + ": its member " + zone::to_text(zone) + " is a zone already, and stays that",
          {{"zone", zone::to_text(zone)}, {"catalog", catalog->name}});
    }
    return false;
  }
  conflicts_.erase(catalog->zone + zone);
  if (moves && found->second->member_id.substr(0, 1U + static_cast<unsigned char>(found->second->member_id[0])) ==
                   member.id.substr(0, 1U + static_cast<unsigned char>(member.id[0]))) {
    found->second->catalog = catalog->zone;
    found->second->member_id = member.id;
    found->second->primaries = catalog->primaries;
    tell_later(say, "zone " + found->second->name + " is of catalog " + catalog->name + " now",
               {{"zone", found->second->name}, {"catalog", catalog->name}});
    return false;
  }
  if (moves) remove(zone, "it is of catalog " + catalog->name + " now, under another id");
  auto entry = std::make_shared<Secondary>();
  entry->zone = zone;
  entry->name = zone::to_text(zone);
  entry->path = transfer::kept_path(settings_.state_folder, zone);
  entry->primaries = catalog->primaries;
  entry->catalog = catalog->zone;
  entry->member_id = member.id;
  entries_.emplace(zone, entry);
  tell_later(say, "zone " + entry->name + " is a member of catalog " + catalog->name,
             {{"zone", entry->name}, {"catalog", catalog->name}});
  place_unavailable(entry);
  queue_.put(entry, {});
  return true;
}

void Secondaries::remove(const std::string& zone, const std::string& why) {
  const auto found = entries_.find(zone);
  if (found == entries_.end()) return;
  const Entry entry = found->second;
  entry->gone = true;
  queue_.drop(entry);
  entries_.erase(found);
  tell_later(say, "zone " + entry->name + " goes: " + why, {{"zone", entry->name}});
  unlink(entry->path.c_str());
  const std::lock_guard lock(updates_mutex_);
  updates_.push_back({source_of(*entry, entry->path), nullptr});
}

}  // namespace gl::control
