#include "lib/zone/generation.h"

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <span>
#include <utility>
#include <vector>

namespace gl::zone {
namespace {

// What a zone's image holds, to write its generations into: nobody else sees it yet.
template <class T>
std::span<T> writable(std::span<const T> part) {
  return {const_cast<T*>(part.data()), part.size()};  // NOLINT: the image is this zone's own memory
}
Block& writable(const Block& block) {
  return const_cast<Block&>(block);  // NOLINT: likewise
}

class Comparison {
 public:
  Comparison(Zone& now, const Zone& before, std::uint32_t generation)
      : now_(now),
        before_(before),
        generation_(generation),
        nodes_(writable(now.nodes)),
        rrsets_(writable(now.rrsets)) {}

  void run() {
    compare_denials();
    for (std::size_t i = 0; i < now_.negative_soa.size(); ++i) {
      const BlockId before = before_.negative_soa[i];
      writable(now_.block(now_.negative_soa[i])).since =
          same_block(now_.block(now_.negative_soa[i]), before_.block(before)) ? before_.block(before).since
                                                                              : generation_;
    }
    compare_nodes();
    for (const Bytes name : came_or_went_) touch_parent(name);
  }

 private:
  // < 0, 0, > 0, in the order in which nodes stand.
  static int order(Bytes a, Bytes b) {
    if (std::ranges::equal(a, b)) return 0;
    dns::Name x;
    dns::Name y;
    return x.parse(a) && y.parse(b) ? dns::compare_canonical(x, y) : 1;
  }

  // Both in their order, side by side.
  void compare_nodes() {
    NodeId other = 0;
    const auto other_name = [&] { return before_.name_of(before_.nodes[other]); };
    for (Node& node : nodes_) {
      const Bytes name = now_.name_of(node);
      int ordered = 1;
      for (; other < before_.nodes.size() && (ordered = order(other_name(), name)) < 0; ++other) {
        came_or_went_.push_back(other_name());
      }
      if (other == before_.nodes.size() || ordered != 0) {
        came_or_went_.push_back(name);
      } else {
        compare_node(node, before_.nodes[other++]);
      }
    }
    for (; other < before_.nodes.size(); ++other) came_or_went_.push_back(other_name());
  }

  [[nodiscard]] static bool same_block(const Block& now, const Block& before) {
    if (now.length() != before.length()) return false;
    constexpr std::size_t kSince = sizeof now.since;
    static_assert(offsetof(Block, since) == 0);
    return std::memcmp(&now.size, &before.size, now.length() - kSince) == 0;
  }

  void compare_denials() {
    const bool like = now_.denials.like(before_.denials);
    now_.denials.set_since(like ? before_.denials.since() : generation_);
    if (!like) return;
    for (const Denials::Pair& pair : now_.denials.pairs_with(before_.denials)) {
      const Block& there = before_.block(pair.there);
      Block& here = writable(now_.block(pair.here));
      here.since = pair.same_span && same_block(here, there) ? there.since : generation_;
      there_.emplace_back(pair.here, pair.there);
    }
    std::sort(there_.begin(), there_.end());
  }

  [[nodiscard]] bool same_choice(BlockId now, BlockId before) const {
    if (now == kNoBlock || before == kNoBlock) return now == before;
    return std::binary_search(there_.begin(), there_.end(), std::pair(now, before));
  }
  [[nodiscard]] bool same_denial(const NodeDenial& now, const NodeDenial& before) const {
    return same_choice(now.match, before.match) && same_choice(now.wildcard, before.wildcard) &&
           same_choice(now.encloser, before.encloser) && same_choice(now.cover, before.cover);
  }

  // Whether both are answered by the same rules.
  [[nodiscard]] static bool same_kind(const Node& now, const Node& before) {
    return now.cut == before.cut && now.dname == before.dname;
  }

  // In their order too: an ANY without a block of its own takes the first of the smallest.
  [[nodiscard]] bool same_types(const Node& now, const Node& before) const {
    if (now.rrset_count != before.rrset_count) return false;
    for (std::size_t i = 0; i < now.rrset_count; ++i) {
      if (now_.rrsets[now.rrsets + i].type != before_.rrsets[before.rrsets + i].type) return false;
    }
    return true;
  }

  void compare_node(Node& node, const Node& before) {
    if (!same_kind(node, before)) return;
    if (same_types(node, before) && same_denial(node.denial, before.denial)) node.since = before.since;
    for (RrsetEntry& entry : rrsets_.subspan(node.rrsets, node.rrset_count)) {
      const RrsetEntry* there = before_.rrset(before, entry.type);
      for (std::size_t dnssec = 0; there != nullptr && dnssec < entry.block.size(); ++dnssec) {
        const BlockRef& old = there->block[dnssec];
        if (same_block(now_.block(entry.block[dnssec].id), before_.block(old.id)))
          entry.block[dnssec].since = old.since;
      }
    }
  }

  // The name above this one, if it is there, has a child more or less.
  void touch_parent(Bytes name) {
    HashedName parent;
    if (name.size() <= now_.apex_length || !parent.name.parse(name.subspan(1U + name[0]))) return;
    parent.rehash();
    const NodeId id = now_.find(parent.name.view(), parent.hash[parent.name.labels]);
    if (id != kNoNode) nodes_[id].since = generation_;
  }

  Zone& now_;
  const Zone& before_;
  std::uint32_t generation_;
  std::span<Node> nodes_;
  std::span<RrsetEntry> rrsets_;
  std::vector<Bytes> came_or_went_;                 // names
  std::vector<std::pair<BlockId, BlockId>> there_;  // denials' blocks, and those with the same key in the zone before
};

// All of the zone is new in this generation.
void set_all(Zone& zone, std::uint32_t generation) {
  zone.denials.set_since(generation);
  for (Node& node : writable(zone.nodes)) node.since = generation;
  for (RrsetEntry& entry : writable(zone.rrsets)) {
    for (BlockRef& ref : entry.block) ref.since = generation;
  }
  for (const ChainEntry& entry : zone.denials.chain().entries) writable(zone.block(entry.block)).since = generation;
  for (const BlockId id : zone.negative_soa) writable(zone.block(id)).since = generation;
}

// The newest of all.
std::uint32_t newest(const Zone& zone) {
  std::uint32_t since = zone.denials.since();
  for (const Node& node : zone.nodes) since = std::max(since, node.since);
  for (const RrsetEntry& entry : zone.rrsets) {
    for (const BlockRef& ref : entry.block) since = std::max(since, ref.since);
  }
  for (const ChainEntry& entry : zone.denials.chain().entries) since = std::max(since, zone.block(entry.block).since);
  for (const BlockId id : zone.negative_soa) since = std::max(since, zone.block(id).since);
  return since;
}

}  // namespace

void set_generations(Zone& zone, const Zone* before, std::uint32_t generation) {
  set_all(zone, generation);
  if (before != nullptr) Comparison(zone, *before, generation).run();
  zone.since = newest(zone);
}

std::size_t memory_of(const Zone& zone) noexcept {
  return sizeof zone + zone.image.bytes().size();
}

}  // namespace gl::zone
