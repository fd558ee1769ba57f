// Members of catalogs: they come, go, and change from one catalog to another.
#include <unistd.h>

#include "lib/control/log.h"
#include "lib/control/transfers/secondaries.h"
#include "lib/zone/name_text.h"
#include "lib/zone/zone_data.h"

namespace gl::control {

void Secondaries::take_members(const Entry& catalog, transfer::Catalog members) {
  catalogs_[catalog->zone] = std::move(members);
  // One that another catalog has let go may be waited for.
  for (const auto& [zone, list] : catalogs_) adopt(zone, list);
  wake_.notify_all();
}

void Secondaries::adopt(const std::string& catalog, const transfer::Catalog& members) {
  const Entry from = entries_.at(catalog);
  std::vector<std::string> left;
  for (const auto& [zone, entry] : entries_) {
    if (entry->catalog != catalog) continue;
    const auto member = members.find(zone);
    // Under another id it is another zone of the same name (RFC 9432 section 5.4).
    if (member == members.end() || member->second.id != entry->member_id) left.push_back(zone);
  }
  for (const std::string& zone : left) remove(zone, "it is no longer in catalog " + from->name);
  for (const auto& [zone, member] : members) {
    if (stop_) return;
    add_member(from, zone, member);
  }
}

// Whether its catalog lets it go there (RFC 9432 section 4.4.1).
bool Secondaries::may_move(const Secondary& entry, const std::string& to) const {
  const auto catalog = catalogs_.find(entry.catalog);
  if (catalog == catalogs_.end()) return false;
  const auto member = catalog->second.find(entry.zone);
  return member != catalog->second.end() && member->second.coo == to;
}

void Secondaries::add_member(const Entry& catalog, const std::string& zone, const transfer::CatalogMember& member) {
  const auto found = entries_.find(zone);
  if (found != entries_.end() && found->second->catalog == catalog->zone) return;
  const bool moves = found != entries_.end() && may_move(*found->second, catalog->zone);
  if ((found != entries_.end() && !moves) || others_.contains(zone)) {
    if (conflicts_.insert(catalog->zone + zone).second) {
      tell_later(warn, "catalog " + catalog->name + ": its member " + zone::to_text(zone) +
                           " is a zone already, and stays that");
    }
    return;
  }
  conflicts_.erase(catalog->zone + zone);
  if (moves && found->second->member_id.substr(0, 1U + static_cast<unsigned char>(found->second->member_id[0])) ==
                   member.id.substr(0, 1U + static_cast<unsigned char>(member.id[0]))) {
    found->second->catalog = catalog->zone;
    found->second->member_id = member.id;
    found->second->primaries = catalog->primaries;
    return tell_later(say, "zone " + found->second->name + " is of catalog " + catalog->name + " now");
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
  tell_later(say, "zone " + entry->name + " is a member of catalog " + catalog->name);
  place_unavailable(entry);
  queue_.put(entry, {});
}

void Secondaries::remove(const std::string& zone, const std::string& why) {
  const auto found = entries_.find(zone);
  if (found == entries_.end()) return;
  const Entry entry = found->second;
  entry->gone = true;
  queue_.drop(entry);
  entries_.erase(found);
  tell_later(say, "zone " + entry->name + " goes: " + why);
  unlink(entry->path.c_str());
  const std::lock_guard lock(updates_mutex_);
  updates_.push_back({source_of(*entry, entry->path), nullptr});
}

}  // namespace gl::control
