#include "lib/zone/snapshot.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "lib/dns/edns.h"

namespace gl::zone {
namespace {

// The longest answer of a zone is its longest block, or a chain of aliases that ends in a denial: bounded by the
// parts' maxima, not searched.
std::size_t bound_of(const Zone& zone) {
  std::size_t any_block = 0;
  std::size_t alias = 0;
  for (const Block& block : zone.store.blocks) any_block = std::max<std::size_t>(any_block, block.size);
  for (const RrsetEntry& entry : zone.rrsets) {
    if (entry.type != dns::rr::cname && entry.type != dns::rr::dname) continue;
    std::size_t size = zone.block(entry.block[1]).size;
    // A synthesised CNAME: pointer, fixed fields, target.
    if (entry.type == dns::rr::dname) size += 2 + 10 + dns::kMaxName;
    alias = std::max(alias, size);
  }
  const std::size_t denial = zone.denials.kind() == Denials::Kind::none ? 1 : 4;  // SOA and three proofs
  const std::size_t chain_proofs = alias > 0 && denial > 1 ? kMaxAliases : 0;
  return kMaxAliases * alias + (denial + chain_proofs) * any_block;
}

bool delegates(const Zone& zone, const HashedName& name) noexcept {
  const auto [node, exact] = closest(zone, name);
  return exact && node->cut;
}

}  // namespace

ZoneSnapshot::ZoneSnapshot(std::vector<std::unique_ptr<const Zone>> zones) : zones_(std::move(zones)) {
  slots_.resize(std::bit_ceil(2 * zones_.size() + 2));
  std::size_t largest = 0;
  for (const auto& zone : zones_) {
    HashedName origin;
    if (!origin.name.parse(zone->name_of(zone->nodes[0]))) continue;  // cannot be: the loader checked it
    origin.rehash();
    const std::uint64_t hash = origin.hash[origin.name.labels];
    std::size_t slot = hash & (slots_.size() - 1);
    while (slots_[slot].zone != nullptr) slot = (slot + 1) & (slots_.size() - 1);
    slots_[slot] = {hash, zone.get()};
    depth_used_[zone->apex_labels] = true;
    max_depth_ = std::max<std::size_t>(max_depth_, zone->apex_labels);
    largest = std::max(largest, bound_of(*zone));
  }
  largest_answer_ = std::min(largest + dns::kHeaderSize + dns::kMaxName + 4 + dns::kOptSize, dns::kMaxMessage);
}

const Zone* ZoneSnapshot::at(Bytes origin, std::uint64_t hash) const noexcept {
  const std::size_t mask = slots_.size() - 1;
  for (std::size_t i = hash & mask; slots_[i].zone != nullptr; i = (i + 1) & mask) {
    if (slots_[i].hash != hash) continue;
    const Bytes name = slots_[i].zone->name_of(slots_[i].zone->nodes[0]);
    if (name.size() == origin.size() && std::memcmp(name.data(), origin.data(), origin.size()) == 0) {
      return slots_[i].zone;
    }
  }
  return nullptr;
}

const Zone* ZoneSnapshot::find(const HashedName& name, bool parent_side) const noexcept {
  const Zone* child = nullptr;
  for (std::size_t n = std::min<std::size_t>(name.name.labels, max_depth_) + 1; n-- > 0;) {
    if (!depth_used_[n]) continue;
    const Zone* zone = at(name.name.suffix(n), name.hash[n]);
    if (zone == nullptr) continue;
    if (child != nullptr) return delegates(*zone, name) ? zone : child;
    // The apex of this zone: a zone above it holds the DS record, if it is here and delegates this one.
    if (!parent_side || n != name.name.labels) return zone;
    child = zone;
  }
  return child;
}

std::vector<ZoneSnapshot::Info> ZoneSnapshot::list() const {
  std::vector<Info> all;
  for (const auto& zone : zones_) all.push_back({zone->origin, zone->path, zone->serial, zone->records});
  return all;
}

}  // namespace gl::zone
