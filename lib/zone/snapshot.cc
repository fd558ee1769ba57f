#include "lib/zone/snapshot.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <string>
#include <unordered_set>

#include "lib/dns/edns.h"
#include "lib/zone/name_text.h"

namespace gl::zone {
namespace {

// The longest answer of a zone is its longest block, or a chain of aliases that ends in a denial: bounded by the
// parts' maxima, not searched.
std::size_t bound_of(const Zone& zone) {
  const std::size_t any_block = zone.largest_block;
  std::size_t alias = 0;
  for (const RrsetEntry& entry : zone.rrsets) {
    if (entry.type != dns::rr::cname && entry.type != dns::rr::dname) continue;
    std::size_t size = zone.block(entry.block[1].id).size;
    // A synthesised CNAME: pointer, fixed fields, target.
    if (entry.type == dns::rr::dname) size += 2 + 10 + dns::kMaxName;
    alias = std::max(alias, size);
  }
  const std::size_t denial = zone.denials.kind() == Denials::Kind::none ? 1 : 4;  // SOA and three proofs
  const std::size_t chain_proofs = alias > 0 && denial > 1 ? kMaxAliases : 0;
  return kMaxAliases * alias + (denial + chain_proofs) * any_block;
}

// Names of zones, to find those which names of another zone may belong to, were it not there: the zones above and below
// it.
class RelatedNames {
 public:
  void add(Bytes name) {
    names_.emplace(as_chars(name));
    for_each_suffix(name, [&](std::string_view suffix) { above_.emplace(suffix); });
  }
  [[nodiscard]] bool has(Bytes name) const {
    bool below = false;
    for_each_suffix(name, [&](std::string_view suffix) { below = below || names_.contains(std::string(suffix)); });
    return below || above_.contains(std::string(as_chars(name)));
  }

 private:
  // The name itself and all above it.
  template <class F>
  static void for_each_suffix(Bytes name, F&& f) {
    for (f(as_chars(name)); name.size() > 1; f(as_chars(name))) name = name.subspan(1U + name[0]);
  }

  std::unordered_set<std::string> names_;
  std::unordered_set<std::string> above_;
};

}  // namespace

ZoneSnapshot::ZoneSnapshot(std::vector<std::shared_ptr<const Zone>> zones, const ZoneSnapshot* before)
    : zones_(std::move(zones)) {
  slots_.resize(std::bit_ceil(2 * zones_.size() + 2));
  std::size_t largest = 0;
  for (const auto& zone : zones_) {
    insert(*zone);
    largest = std::max(largest, bound_of(*zone));
    memory_ += zone->image.bytes().size();
  }
  largest_answer_ = std::min(largest + dns::kHeaderSize + dns::kMaxName + 4 + dns::kOptSize, dns::kMaxMessage);
  compare_origins(before);
  generation_ = origins_since_;
  for (const auto& zone : zones_) generation_ = std::max(generation_, zone->since);
}

void ZoneSnapshot::insert(const Zone& zone) {
  HashedName origin;
  if (!origin.name.parse(zone.name_of(zone.nodes[0]))) return;  // cannot be: the loader checked it
  origin.rehash();
  const std::uint64_t hash = origin.hash[origin.name.labels];
  std::size_t slot = hash & (slots_.size() - 1);
  while (slots_[slot].zone != nullptr) slot = (slot + 1) & (slots_.size() - 1);
  slots_[slot] = {hash, &zone, 0};
  depth_used_[zone.apex_labels] = true;
  max_depth_ = std::max<std::size_t>(max_depth_, zone.apex_labels);
}

// A zone that came or went changes whose a name is within it, and within those above and below it.
void ZoneSnapshot::compare_origins(const ZoneSnapshot* before) {
  const std::uint32_t next = before == nullptr ? 1 : before->generation_ + 1;
  RelatedNames differ;
  bool any = false;
  const auto differs = [&](const Zone& zone) { differ.add(zone.name_of(zone.nodes[0])), any = true; };
  for (Slot& slot : slots_) {
    if (slot.zone == nullptr) continue;
    const Slot* const old = before == nullptr ? nullptr : before->at(*slot.zone);
    slot.since = old == nullptr ? next : old->since;
    if (old == nullptr) differs(*slot.zone);
  }
  if (before != nullptr) {
    for (const auto& zone : before->zones_) {
      if (at(*zone) == nullptr) differs(*zone);
    }
  }
  origins_since_ = !any && before != nullptr ? before->origins_since_ : next;
  for (Slot& slot : slots_) {
    if (any && slot.zone != nullptr && differ.has(slot.zone->name_of(slot.zone->nodes[0]))) slot.since = next;
  }
}

const ZoneSnapshot::Slot* ZoneSnapshot::at(Bytes origin, std::uint64_t hash) const noexcept {
  const std::size_t mask = slots_.size() - 1;
  for (std::size_t i = hash & mask; slots_[i].zone != nullptr; i = (i + 1) & mask) {
    if (slots_[i].hash != hash) continue;
    const Bytes name = slots_[i].zone->name_of(slots_[i].zone->nodes[0]);
    if (name.size() == origin.size() && std::memcmp(name.data(), origin.data(), origin.size()) == 0) {
      return &slots_[i];
    }
  }
  return nullptr;
}

const ZoneSnapshot::Slot* ZoneSnapshot::at(const Zone& zone) const noexcept {
  HashedName origin;
  if (!origin.name.parse(zone.name_of(zone.nodes[0]))) return nullptr;
  origin.rehash();
  return at(origin.name.view(), origin.hash[origin.name.labels]);
}

ZoneSnapshot::Found ZoneSnapshot::locate(const HashedName& name, bool parent_side) const noexcept {
  Found child{nullptr, origins_since_};
  for (std::size_t n = std::min<std::size_t>(name.name.labels, max_depth_) + 1; n-- > 0;) {
    if (!depth_used_[n]) continue;
    const Slot* const slot = at(name.name.suffix(n), name.hash[n]);
    if (slot == nullptr) continue;
    const Found found{slot->zone, slot->since};
    if (child.zone != nullptr) {
      // Which of the two it is depends on what the upper one has at this name.
      const auto [node, exact] = closest(*found.zone, name);
      const std::uint32_t since = std::max({found.since, child.since, node->since});
      return {exact && node->cut ? found.zone : child.zone, since};
    }
    // The apex of this zone: a zone above it holds the DS record, if it is here and delegates this one.
    if (!parent_side || n != name.name.labels) return found;
    child = found;
  }
  return child;
}

std::vector<ZoneSnapshot::Info> ZoneSnapshot::list() const {
  std::vector<Info> all;
  for (const auto& zone : zones_) all.push_back({zone->origin, zone->path, zone->serial, zone->records});
  return all;
}

}  // namespace gl::zone
